/** The token at which the drawing is read: one step to the left or right, the last one, or each node at the token where it matters. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { stepper as text } from '../../text/en';
import { tokenName } from '../../text/names';
import { term } from '../common/term';

export function stepper({ painted, doc }: Screen, pick: (token: number | null) => void): TemplateResult | typeof nothing {
  if (!painted) return nothing;
  const { a, view } = painted.result;
  const last = view.tokens - 1;
  const at = Math.min(doc.token ?? view.marked, last);
  const step = (to: number, label: string, sign: string) => html`<button aria-label=${label} title=${label} ?disabled=${to < 0 || to > last} @click=${() => pick(to)}>${sign}</button>`;
  return html`<div class="where" role="group" aria-label=${text.label} data-testid="stepper" data-token=${at} data-chosen=${doc.token !== null} translate="no">
    ${step(at - 1, text.previous, '◂')}<span>${term('token', text.token)} <b>${at + 1}</b> <code>${tokenName(a, at).slice(0, 8)}</code> ${text.of(view.tokens)}</span>${step(at + 1, text.next, '▸')}
    ${doc.token === null
      ? html`<button class="end" data-testid="token-last" @click=${() => pick(last)}>${text.last}</button>`
      : html`<button class="end" data-testid="token-reset" title=${text.resetHint} @click=${() => pick(null)}>${text.reset}</button>`}
  </div>`;
}
