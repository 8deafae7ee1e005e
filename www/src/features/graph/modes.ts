/** The choice of the mode (full model, circuit only, model without the circuit), and the switch between graph and list. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { modes as text } from '../../text/en';
import type { Mode } from '../../engine/protocol';

const MODES: readonly Mode[] = ['full', 'circuit', 'removed'];

export function modes(screen: Screen, pick: (mode: Mode) => void): TemplateResult {
  const { mode } = screen.doc.edits;
  return html`<div class="seg" role="group" aria-label=${text.label} aria-describedby=${mode === 'full' ? nothing : 'mode-note'}>
      ${MODES.map(
        (one) => html`<button data-testid="mode-${one}" aria-pressed=${mode === one} ?disabled=${screen.placeholder} @click=${() => pick(one)}>
          <span class="wide">${text.names[one][0]}</span><span class="narrow">${text.names[one][1]}</span>
        </button>`,
      )}
    </div>`;
}

export function viewSwitch(screen: Screen, pick: (list: boolean) => void): TemplateResult {
  return html`<div class="seg quiet2" role="group" aria-label=${text.view}>
    ${(['graph', 'list'] as const).map(
      (view) => html`<button data-view=${view} aria-pressed=${screen.doc.list === (view === 'list')} @click=${() => pick(view === 'list')}>${text.views[view]}</button>`,
    )}
  </div>`;
}
