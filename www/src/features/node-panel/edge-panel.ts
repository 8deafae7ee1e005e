/** The panel of an edge: its two ends, the factors of what it passes on, and the switch. */
import { html, nothing, type TemplateResult } from 'lit';
import type { EdgeEnds } from '../../domain/edges';
import type { NodeDetail, Prompt } from '../../engine/protocol';
import { edge as text } from '../../text/en';
import { richText } from '../common/rich-text';
import { edgeTerm, type TermActions } from './terms';

export interface EdgeLook {
  ends: EdgeEnds;
  names: { from: string; to: string };
  off: boolean;
  /** The mean of the source; null outside the circuit. */
  mean: number | null;
  /** Of the target; null until it is computed. */
  detail: NodeDetail | null;
  a: Prompt;
  /** Whether the numbers are not from the engine yet. */
  placeholder: boolean;
  actions: TermActions;
  press(off: boolean): void;
}

export function edgeHeading({ names }: Pick<EdgeLook, 'names'>, id: string): TemplateResult {
  return html`<h2>${text.title}</h2><p>${text.between(names.from, names.to)}</p><p><code>${id}</code></p>`;
}

export function edgeBody({ ends, names, off, mean, detail, a, placeholder, actions, press }: EdgeLook): TemplateResult {
  const end = (node: string, name: string) => html`<button class="plain" @click=${() => actions.open(node)}>${name}</button>`;
  return html`
    ${placeholder ? nothing : html`<section class="ctl">
      <button data-testid="edge-off" data-off=${off} @click=${() => press(!off)}>${off ? text.on : text.off}</button>
      <p class="tiny" data-off=${off}>${richText(off ? text.isOff(mean) : text.isOn(mean))}</p>
    </section>`}
    ${detail ? edgeTerm(detail, ends.from, a, actions) : html`<p class="tiny">${text.pending}</p>`}
    <section class="ends-of"><p>${text.from}${end(ends.from, names.from)}</p><p>${text.to}${end(ends.to, names.to)}</p></section>`;
}
