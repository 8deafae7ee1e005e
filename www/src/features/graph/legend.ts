import { html, nothing, svg, type TemplateResult } from 'lit';
import { flowOf } from '../../domain/flow';
import { flipActs } from '../../domain/edits';
import type { Snapshot } from '../../state/screen';
import type { CircuitInfo, Mode } from '../../engine/protocol';
import { badges, legend as text, modes, reliability } from '../../text/en';
import type { RichText } from '../../text/rich-text';
import { richText } from '../common/rich-text';
import { term } from '../common/term';
import { badgeHalf, badgeShape } from './node';

/** How often what runs is right; null if it was not measured. */
function reliable(mode: Mode, { accuracy, unprunedAccuracy, removedAccuracy, handwritten }: CircuitInfo): RichText | null {
  if (mode === 'full' || accuracy === null || unprunedAccuracy === null) return null;
  if (mode === 'removed') return removedAccuracy === null ? null : reliability.removed(removedAccuracy, unprunedAccuracy);
  return handwritten ? reliability.both(accuracy, unprunedAccuracy, handwritten) : reliability.test(accuracy, unprunedAccuracy);
}

/** Explains the symbols that the graph currently shows. */
export function legend(snapshot: Snapshot | null, ghosts: boolean): TemplateResult {
  const threshold = snapshot ? flowOf(snapshot).threshold : 0;
  const line = (name: string) => html`<svg viewBox="0 0 30 10" aria-hidden="true"><path class="edge ${name}" d="M1 5H29" stroke-width="3" /></svg>`;
  const edits = snapshot?.result.edits;
  const disc = (sign: string) => html`<svg class="disc" viewBox="${-badgeHalf(sign) - 1} -8 ${2 * badgeHalf(sign) + 2} 16" aria-hidden="true">${badgeShape(sign)}</svg>`;
  const marks = [
    { kind: 'patch', sign: 'B', name: text.patched, used: edits && (flipActs(edits) || edits.patch.length > 0) },
    { kind: 'off', sign: badges.offSign, name: text.off, used: edits && edits.off.length > 0 },
    { kind: 'set', sign: '=', name: text.set, used: edits && Object.keys(edits.set).length > 0 },
    { kind: 'scale', sign: '×', name: text.scaled, used: edits && Object.keys(edits.scale).length > 0 },
  ].filter((mark) => mark.used);
  const mode = edits?.mode ?? 'full';
  const facts = snapshot && reliable(mode, snapshot.task.circuit);
  return html`<div>${mode === 'full' ? nothing : html`<p class="facts" id="mode-note">${richText(modes.hints[mode])}${facts ? html` <span data-testid="reliability">${richText(facts)}</span>` : nothing}</p>`}<div class="legend">
    <span>${line('pos')}${text.positive}</span><span>${line('neg')}${text.negative}</span>
    <span>${line('pos dim')}${term('signal', text.noSignal)}${text.under(threshold)}</span>
    ${marks.length > 0 || ghosts ? nothing : html`<span class="w"><svg viewBox="0 0 30 10" aria-hidden="true"><path class="wed" d="M1 5L29 1V9Z" /></svg>${text.width}</span>`}
    <span><svg viewBox="-8 -8 16 16" aria-hidden="true">${svg`<circle class="ng" r="7"/><path class="fp" d="M-7 0A7 7 0 0 1 7 0Z"/><circle class="no" r="7"/>`}</svg>${text.above}</span>
    <span><svg viewBox="-8 -8 16 16" aria-hidden="true">${svg`<circle class="ng" r="7"/><path class="fn" d="M-7 0A7 7 0 0 0 7 0Z"/><path fill="url(#hatch)" d="M-7 0A7 7 0 0 0 7 0Z"/><circle class="no" r="7"/>`}</svg>${text.below}</span>
    ${marks.map((mark) => html`<span data-mark=${mark.kind}>${disc(mark.sign)}${mark.name}</span>`)}
    ${edits && edits.offEdges.length > 0 ? html`<span data-mark="edge-off">${line('cut')}${text.edgeOff}</span>` : nothing}
    ${ghosts ? html`<span><svg viewBox="0 0 16 10" aria-hidden="true"><path class="gh" d="M0 5H16" /></svg>${text.before}</span>` : nothing}
  </div></div>`;
}
