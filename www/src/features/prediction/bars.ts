/** The two candidates' probabilities, the top five, and how likely the two are among all tokens. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Snapshot } from '../../state/screen';
import { prediction as text } from '../../text/en';
import { percent, percentDigits, sayToken, showToken } from '../../text/format';
import { styles } from '../shared/styles';
import { unlikely, winner } from './summary';

export function bars(candidates: [string, string] | null, snapshot: Snapshot | null, previous: Snapshot | null): TemplateResult {
  const win = snapshot ? winner(snapshot) : null;
  return html`<section class="next" aria-label=${text.label}>
    <div class="lbl">${text.label} <span data-testid="who" data-mode=${snapshot?.result.edits.mode ?? 'full'}>${text.who[snapshot?.result.edits.mode ?? 'full']}</span></div>
    <div class="bars" translate="no">
      ${([0, 1] as const).map((index) =>
        bar(index === 0 ? 'p-target' : 'p-alt', candidates?.[index] ?? '', snapshot?.result.view.p[index], previous?.result.view.p[index], win === index))}
    </div>
    ${snapshot ? likely(snapshot) : nothing}
  </section>`;
}

/** One candidate's bar, over its ghost. */
export function bar(name: string, token: string, p: number | undefined, was: number | undefined, win: boolean): TemplateResult {
  const ghost = was !== undefined && p !== undefined && percent(was) !== percent(p);
  return html`<div class="bar ${win ? 'win' : ''}">
    <span class="cand">${sayToken(token)}</span>
    <span class="track" data-testid=${name} data-value=${p ?? nothing} data-token=${token}>
      <i class="fill" ${styles({ transform: `translateX(calc(max(3px, ${((p ?? 0) * 100).toFixed(2)}%) - 100%))` })}></i>
      ${ghost ? html`<i class="ghost" ${styles({ width: `${(was * 100).toFixed(2)}%` })}></i>` : nothing}
    </span>
    <span class="pc"
      ><b>${p === undefined ? '–' : percentDigits(p)}<small> %</small></b>${ghost ? html`<em>${text.was(was)}</em>` : nothing}</span
    >
  </div>`;
}

function likely(snapshot: Snapshot): TemplateResult {
  const { pFull, top } = snapshot.result.view;
  const both = pFull[0] + pFull[1];
  return html`<div class="top5">
    ${unlikely(snapshot)
      ? html`<strong class="unlikely">${text.unlikely(both)}</strong>`
      : html`<span class="t5-label" title=${text.both(both)}>${text.ofAll}</span>`}
    <span class="t5" translate="no" aria-label=${text.top}>
      ${top.map((one) => html`<span class=${snapshot.task.candidateIds.includes(one.id) ? 'mine' : ''}><code>${showToken(one.text)}</code> ${percentDigits(one.p)}</span>`)}
    </span>
  </div>`;
}
