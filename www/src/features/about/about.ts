/** For who wants to know more than one sentence: what the task is, how good the circuit is, how to read the drawing. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { about } from '../../text/about';
import { count } from '../../text/format';

export function aboutTask(screen: Screen): TemplateResult | typeof nothing {
  const task = screen.tasks.find((one) => one.name === screen.doc.task);
  if (!task) return nothing;
  const circuit = screen.numbers?.task.name === task.name ? screen.numbers.task.circuit : null;
  const { model } = screen;
  return html`<details class="about">
    <summary>About</summary>
    <div class="card sheet">
      <h2>${task.title}</h2>
      <p>${task.explanation}</p>
      ${circuit ? about(circuit).map((sentence) => html`<p>${sentence}</p>`) : nothing}
      ${model
        ? html`<p>The model: ${model.layers} layers, ${count(model.width)} channels, ${count(model.nonzeros)} weights that are not zero. It was trained on Python code and runs here, in your browser.</p>`
        : nothing}
      <h3>How to read the drawing</h3>
      <p>
        A horizontal line is one channel that all layers share. A square on it reads the channel or writes to it; a circle is a neuron, or a channel of a query, key or value.
        Fill goes up for a positive value and down, hatched, for a negative one; its height is the root of the value, so that small ones can be seen. Flip acts on the heavy outlines. A solid line is a positive weight, a dashed one with a minus a negative weight.
        The small chart is where an attention head looks (its hollow bar: nowhere); × marks where what it finds there is passed on.
      </p>
    </div>
  </details>`;
}
