/** What runs: the full model, the circuit alone, or the model without the circuit. And the switch between graph and list. */
import { html, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { calibration } from '../../text/about';
import type { Mode } from '../../engine/protocol';

const MODES: { mode: Mode; name: [string, string]; note: string }[] = [
  { mode: 'full', name: ['Full', ' model'], note: 'Everything runs; the drawing shows the circuit in it.' },
  { mode: 'circuit', name: ['Circuit', ' only'], note: 'The rest is held at its mean; logits are rescaled.' },
  { mode: 'removed', name: ['Without', ' it'], note: 'These parts are held at their mean, the rest runs.' },
];

export function modes(screen: Screen, pick: (mode: Mode) => void): TemplateResult {
  const { mode } = screen.doc.edits;
  const circuit = screen.numbers?.task.circuit;
  const note = MODES.find((one) => one.mode === mode)!.note;
  const exact = circuit && mode === 'circuit' ? `p = ${calibration(circuit)}` : '';
  return html`<div class="seg" role="group" aria-label="What runs" aria-describedby="mode-note">
      ${MODES.map(
        (one) => html`<button data-testid="mode-${one.mode}" aria-pressed=${mode === one.mode} ?disabled=${screen.poster} @click=${() => pick(one.mode)}>
          ${one.name[0]}<span class="more">${one.name[1]}</span>
        </button>`,
      )}
    </div>
    <p class="modeh" id="mode-note" title=${exact}>${note}</p>`;
}

export function viewSwitch(screen: Screen, pick: (view: Screen['view']) => void): TemplateResult {
  return html`<div class="seg quiet2" role="group" aria-label="View">
    ${(['graph', 'list'] as const).map(
      (view) => html`<button aria-pressed=${screen.view === view} @click=${() => pick(view)}>${view === 'graph' ? 'Graph' : 'List'}</button>`,
    )}
  </div>`;
}
