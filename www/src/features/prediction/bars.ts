/** The two candidates' probabilities with their marks, and the most likely tokens of the vocabulary. */
import { html, nothing, type TemplateResult } from 'lit';
import type { TopToken } from '../../engine/protocol';
import type { Snapshot } from '../../state/screen';
import { prediction as text } from '../../text/en';
import { percent, percentDigits, showToken } from '../../text/format';
import { richText } from '../common/rich-text';
import { styles } from '../common/styles';
import { term } from '../common/term';
import { answerOf, type Answer } from './answer';

export function bars(candidates: [string, string] | null, snapshot: Snapshot | null): TemplateResult {
  const answer = snapshot && answerOf(snapshot);
  const mode = answer?.mode ?? 'full';
  return html`<section class="next ${answer && !answer.applies ? 'no-task' : ''}" aria-label=${text.label}>
    <div class="lbl">${text.label} <span data-testid="who" data-mode=${mode}>${text.who[mode]}</span></div>
    <div class="bars" translate="no">
      ${([0, 1] as const).map((index) => bar(index === 0 ? 'p-target' : 'p-alt', candidates?.[index] ?? '', answer && look(answer, index)))}
    </div>
    ${snapshot && answer ? html`<div class="top5">${answer.full ? key(answer) : nothing}${likely(snapshot, answer)}</div>` : nothing}
  </section>`;
}

export interface BarLook {
  p: number;
  win: boolean;
  /** Whether this is the winner and known to be wrong. */
  wrong?: boolean;
  /** Before the edits. */
  was?: number | null;
  full?: number | null;
  baseline?: number | null;
}

export function look(answer: Answer, index: 0 | 1): BarLook {
  return {
    p: answer.p[index],
    win: answer.winner === index,
    wrong: answer.wrong && answer.winner === index,
    was: answer.untouched?.[index] ?? null,
    full: answer.full?.[index] ?? null,
    baseline: answer.baseline?.[index] ?? null,
  };
}

/**
 * One candidate's bar. The fill is the probability now, the dashed outline the one before the edits, the diamond the full model's, and the
 * tick at the bottom the baseline.
 */
export function bar(name: string, token: string, look: BarLook | null): TemplateResult {
  const { p, win = false, wrong = false, was = null, full = null, baseline = null } = look ?? { p: undefined };
  const changed = was !== null && p !== undefined && percent(was) !== percent(p);
  const at = (share: number) => styles({ '--x': `${(share * 100).toFixed(2)}%` });
  return html`<div class="bar ${win ? 'win' : ''}">
    <span class="cand">${showToken(token)}</span>
    <span class="track" data-testid=${name} data-value=${p ?? nothing} data-token=${token} data-was=${was ?? nothing} data-full=${full ?? nothing}
      data-baseline=${baseline ?? nothing} data-wrong=${wrong ? 'true' : nothing}>
      <span class="clip"><i class="fill" ${styles({ '--p': `${((p ?? 0) * 100).toFixed(2)}%` })}></i></span>
      ${changed ? html`<i class="ghost" ${at(was)}></i>` : nothing}
      ${wrong ? html`<span class="wrong ${(p ?? 0) < 0.75 ? 'out' : ''}" ${at(p ?? 0)}>${text.wrong}</span>` : nothing}
      ${baseline === null ? nothing : html`<i class="tick" ${at(baseline)}></i>`}
      ${full === null ? nothing : html`<i class="diamond" ${at(full)}></i>`}
    </span>
    <span class="pc"
      ><b>${p === undefined ? '–' : percentDigits(p)}<small> %</small></b
      >${changed ? html`<em>${text.was(was)}</em>` : full === null ? nothing : html`<em>${text.fullModel(full)}</em>`}</span
    >
  </div>`;
}

/** What the marks mean. */
function key({ baseline }: Answer): TemplateResult {
  return html`<span class="key"><i class="k-diamond" aria-hidden="true"></i>${text.marks.full}</span>${
    baseline === null ? nothing : html`<span class="key"><i class="k-tick" aria-hidden="true"></i>${term('baseline', text.marks.baseline)}</span>`}`;
}

/** Tokens shown before the candidates. */
const SHOWN = 3;
/** Below this share of the whole vocabulary the two candidates together count as unlikely. */
const LIKELY = 0.01;

/** The most likely tokens of the vocabulary; both candidates are always among them. */
export function tokensLine(snapshot: Snapshot): (TopToken & { gap: boolean })[] {
  const { top, pFull } = snapshot.result.view;
  const { candidateIds, candidates } = snapshot.task;
  const first = top.slice(0, SHOWN);
  const missing = ([0, 1] as const)
    .filter((index) => !first.some((one) => one.id === candidateIds[index]))
    .map((index) => ({ id: candidateIds[index], text: candidates[index], p: pFull[index] }))
    .sort((left, right) => right.p - left.p);
  return [...first.map((one) => ({ ...one, gap: false })), ...missing.map((one, index) => ({ ...one, gap: index === 0 && one.id !== top[SHOWN]?.id }))];
}

function likely(snapshot: Snapshot, answer: Answer): TemplateResult {
  const both = snapshot.result.view.pFull[0] + snapshot.result.view.pFull[1];
  const label = both < LIKELY ? text.unlikely(both, answer.full !== null) : answer.full ? text.tokens.full : text.tokens.now;
  return html`<span class="t5-label">${richText(label)}</span>
    <span class="t5" translate="no" data-testid="tokens">
      ${tokensLine(snapshot).map((one) => html`${one.gap ? html`<span>…</span>` : nothing}<span data-id=${one.id} data-p=${one.p}
        class=${snapshot.task.candidateIds.includes(one.id) ? 'mine' : ''}><code>${showToken(one.text)}</code> ${percentDigits(one.p)}</span>`)}
    </span>`;
}
