/** The About sheet: what the task is, how good the circuit is, how to read the graph. */
import { html, nothing, type TemplateResult } from 'lit';
import type { DirectiveResult } from 'lit/directive.js';
import { guard } from 'lit/directives/guard.js';
import type { CircuitInfo, ModelInfo } from '../../engine/protocol';
import type { Screen } from '../../state/screen';
import { about as text } from '../../text/en';
import type { TermKey } from '../../text/glossary';
import { linked, type RichText } from '../../text/rich-text';
import { richText } from '../common/rich-text';
import { links } from './links';

/** From this accuracy without the circuit on, the model has other ways to the answer. */
const OTHER_WAYS = 0.65;

export function aboutTask(screen: Screen): DirectiveResult | typeof nothing {
  const task = screen.tasks.find((one) => one.name === screen.doc.task);
  if (!task) return nothing;
  const circuit = screen.snapshot?.task.name === task.name ? screen.snapshot.task.circuit : null;
  const { model } = screen;
  // It stays the same while the user types, and searching it for the words of the glossary takes 2 ms.
  return guard([task, circuit, model], () => sheet(task, circuit, model));
}

function sheet(task: Screen['tasks'][number], circuit: CircuitInfo | null, model: ModelInfo | null): TemplateResult {
  const paragraphs = [task.explanation, ...(circuit ? measured(circuit) : []), ...(model ? [text.model(model)] : [])];
  const seen = new Set<TermKey>();
  return html`<details class="about">
    <summary>${text.label}</summary>
    <div class="card sheet">
      <h2>${task.title}</h2>
      ${paragraphs.map((paragraph) => html`<p>${richText(linked([paragraph], seen))}</p>`)}
      <h3>${text.howToRead}</h3>
      <p>${Object.values(text.reading).map((sentences: RichText) => html`${richText(linked(sentences, seen))} `)}</p>
      <p>${text.paper}</p>
      ${__ONE_FILE__ ? html`<p data-testid="offline" data-state="one-file">${text.oneFile}</p>` : html`<sc-kept></sc-kept>`}
      ${__ONE_FILE__ ? nothing : html`<p><a href="./teach.html">${text.teachers}</a></p>`}
      <p class="links">${links()}</p>
    </div>
  </details>`;
}

/** What the circuit was measured to do. */
function measured(circuit: CircuitInfo): string[] {
  const { accuracy, unprunedAccuracy, removedAccuracy } = circuit;
  const known = accuracy !== null && unprunedAccuracy !== null && removedAccuracy !== null;
  return [
    text.size(circuit),
    text.calibration(circuit),
    ...(known ? [text.accuracy(unprunedAccuracy, accuracy, removedAccuracy)] : []),
    ...(known && removedAccuracy > OTHER_WAYS ? [text.otherWays] : []),
  ];
}
