/** The panel of a candidate's logit: how the bar comes about, and what the logit is the sum of. */
import { html, type TemplateResult } from 'lit';
import type { Snapshot } from '../../state/screen';
import { logit as text } from '../../text/en';
import { percentDigits, plain, showToken, signed } from '../../text/format';
import { richText } from '../common/rich-text';

/** The steps from the two logits to the probability of the first candidate. */
export function steps(snapshot: Snapshot, open: (candidate: 0 | 1) => void): TemplateResult {
  const { candidates, circuit } = snapshot.task;
  const { view, edits } = snapshot.result;
  // The logits are shown with three decimals, and their difference is that of the shown numbers.
  const shown = view.logits.map((value) => Math.round(value * 1000) / 1000) as [number, number];
  const difference = shown[0] - shown[1];
  const calibrated = edits.mode === 'circuit';
  const divided = (view.logits[0] - view.logits[1]) / circuit.std;
  const line = (label: unknown, step: string, value: string, name: string, exact: number) =>
    html`<tr data-step=${name} data-value=${exact}><th scope="row">${label}</th><td class="op">${step}</td><td class="con">${value}</td></tr>`;
  return html`<section class="terms steps" data-testid="steps">
    <h3>${text.steps}</h3>
    <table>
      ${([0, 1] as const).map((index) => html`<tr data-step="logit" data-value=${view.logits[index]}><th scope="row"><button class="plain" @click=${() => open(index)}>${richText(text.of(showToken(candidates[index])))}</button></th>
        <td></td><td class="con">${signed(view.logits[index], 3)}</td></tr>`)}
      <tr class="sum" data-step="difference" data-value=${view.logits[0] - view.logits[1]}><th scope="row">${text.difference}</th><td></td><td class="con">${signed(difference, 3)}</td></tr>
      ${calibrated
        ? [
            line(richText(text.divided), `÷ ${plain(circuit.std)}`, signed(divided), 'divided', divided),
            line(richText(text.times), `× ${plain(circuit.scale)}`, signed(circuit.scale * divided), 'times', circuit.scale * divided),
            line(richText(text.plus), `${circuit.shift < 0 ? '−' : '+'} ${plain(Math.abs(circuit.shift))}`, signed(view.score), 'score', view.score),
          ]
        : ''}
      <tr class="sum" data-step="p" data-value=${view.p[0]}><th scope="row">${richText(text.probability(showToken(candidates[0])))}</th><td></td><td class="con">${percentDigits(view.p[0])} %</td></tr>
    </table>
    <p class="tiny">${richText(calibrated ? text.fitted : text.plain)}</p>
  </section>`;
}
