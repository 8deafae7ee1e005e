import { html, nothing, svg, type TemplateResult } from 'lit';
import { flowOf } from '../../domain/flow';
import { flipActs } from '../../domain/edits';
import type { Snapshot } from '../../state/screen';
import { legend as text } from '../../text/en';

/** What the marks of the graph mean; those that are not on the screen are left out. */
export function legend(snapshot: Snapshot | null, ghosts: boolean): TemplateResult {
  const threshold = snapshot ? flowOf(snapshot).threshold : 0;
  const line = (name: string) => html`<svg viewBox="0 0 30 10" aria-hidden="true"><path class="edge ${name}" d="M1 5H29" stroke-width="3" /></svg>`;
  const edits = snapshot?.result.edits;
  const disc = (sign: string) => html`<svg viewBox="-8 -8 16 16" aria-hidden="true"><circle class="pb" r="7" /><text class="pbt" y="3.6">${sign}</text></svg>`;
  const marks = [
    { kind: 'patch', sign: 'B', name: text.patched, used: edits && (flipActs(edits) || edits.patch.length > 0) },
    { kind: 'off', sign: '0', name: text.off, used: edits && edits.off.length > 0 },
    { kind: 'set', sign: '=', name: text.set, used: edits && Object.keys(edits.set).length > 0 },
    { kind: 'scale', sign: '×', name: text.scaled, used: edits && Object.keys(edits.scale).length > 0 },
  ].filter((mark) => mark.used);
  return html`<div class="legend">
    <span>${line('pos')}${text.positive}</span><span>${line('neg')}${text.negative}</span>
    <span title=${text.noSignalHint}>${line('pos dim')}${text.noSignal(threshold)}</span>
    ${marks.length > 0 || ghosts ? nothing : html`<span class="w"><svg viewBox="0 0 30 10" aria-hidden="true"><path class="wed" d="M1 5L29 1V9Z" /></svg>${text.width}</span>`}
    <span><svg viewBox="-8 -8 16 16" aria-hidden="true">${svg`<circle class="ng" r="7"/><path class="fp" d="M-7 0A7 7 0 0 1 7 0Z"/><circle class="no" r="7"/>`}</svg>${text.above}</span>
    <span><svg viewBox="-8 -8 16 16" aria-hidden="true">${svg`<circle class="ng" r="7"/><path class="fn" d="M-7 0A7 7 0 0 0 7 0Z"/><path fill="url(#hatch)" d="M-7 0A7 7 0 0 0 7 0Z"/><circle class="no" r="7"/>`}</svg>${text.below}</span>
    ${marks.map((mark) => html`<span data-mark=${mark.kind}>${disc(mark.sign)}${mark.name}</span>`)}
    ${ghosts ? html`<span><svg viewBox="0 0 16 10" aria-hidden="true"><path class="gh" d="M0 5H16" /></svg>${text.before}</span>` : nothing}
  </div>`;
}
