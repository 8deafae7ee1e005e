import { html, nothing, svg, type TemplateResult } from 'lit';
import { signalOf } from '../../domain/flow';
import { flipActs } from '../../domain/edits';
import type { Numbers } from '../../state/screen';
import { plain } from '../../text/format';

/** What the marks of the graph mean; those that are not on the screen are left out. */
export function legend(numbers: Numbers | null, ghosts: boolean): TemplateResult {
  const threshold = numbers ? signalOf(numbers).threshold : 0;
  const line = (name: string) => html`<svg viewBox="0 0 30 10" aria-hidden="true"><path class="edge ${name}" d="M1 5H29" stroke-width="3" /></svg>`;
  const edits = numbers?.shown.edits;
  const disc = (text: string) => html`<svg viewBox="-8 -8 16 16" aria-hidden="true"><circle class="pb" r="7" /><text class="pbt" y="3.6">${text}</text></svg>`;
  const marks = [
    { sign: 'B', name: 'from prompt B', used: edits && (flipActs(edits) || edits.patch.length > 0) },
    { sign: '0', name: 'off', used: edits && edits.off.length > 0 },
    { sign: '=', name: 'set', used: edits && Object.keys(edits.set).length > 0 },
    { sign: '×', name: 'scaled', used: edits && Object.keys(edits.scale).length > 0 },
  ].filter((mark) => mark.used);
  return html`<div class="legend">
    <span>${line('pos')}positive weight</span><span>${line('neg')}negative weight</span>
    <span title="weight × activation below this">${line('pos dim')}no signal${threshold > 0 ? ` (under ${plain(threshold, threshold < 0.01 ? 3 : 2)})` : ''}</span>
    ${marks.length > 0 || ghosts ? nothing : html`<span class="w"><svg viewBox="0 0 30 10" aria-hidden="true"><path class="wed" d="M1 5L29 1V9Z" /></svg>width: |weight|</span>`}
    <span><svg viewBox="-8 -8 16 16" aria-hidden="true">${svg`<circle class="ng" r="7"/><path class="fp" d="M-7 0A7 7 0 0 1 7 0Z"/><circle class="no" r="7"/>`}</svg>value &gt; 0</span>
    <span><svg viewBox="-8 -8 16 16" aria-hidden="true">${svg`<circle class="ng" r="7"/><path class="fn" d="M-7 0A7 7 0 0 0 7 0Z"/><path fill="url(#hatch)" d="M-7 0A7 7 0 0 0 7 0Z"/><circle class="no" r="7"/>`}</svg>value &lt; 0</span>
    ${marks.map((mark) => html`<span>${disc(mark.sign)}${mark.name}</span>`)}
    ${ghosts ? html`<span><svg viewBox="0 0 16 10" aria-hidden="true"><path class="gh" d="M0 5H16" /></svg>before</span>` : nothing}
  </div>`;
}
