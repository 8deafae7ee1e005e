/** The place of the dense twin's panel. Its code is loaded when it is opened for the first time. */
import { html, nothing, type TemplateResult } from 'lit';
import { withTwin } from '../../state/document';
import type { Playground } from '../../state/playground';
import { twin as text } from '../../text/en';
import { lazy } from '../common/lazy';

/** The button that opens and closes the twin. */
export function twinSwitch(playground: Playground): TemplateResult | typeof nothing {
  const { screen } = playground;
  if (!screen.twin) return nothing;
  const open = screen.doc.twin !== null;
  const knows = screen.twin.listed.tasks.some((task) => task.name === screen.doc.task);
  return html`${open || knows ? nothing : html`<p class="twinwhy" id="twin-why" data-testid="twin-why">${text.noTask}</p>`}
    <button class="twinb" data-testid="twin-open" aria-expanded=${open} ?disabled=${!screen.snapshot || screen.placeholder || !(open || knows)}
      aria-describedby=${open || knows ? nothing : 'twin-why'} title=${knows ? text.openHint : nothing}
      @click=${() => playground.change(withTwin(screen.doc, !open), 'select')}>${text.name}</button>`;
}

/** The twin's panel, once the model that was trained with it is open. */
export function twinPanel(playground: Playground): TemplateResult | typeof nothing {
  const { doc, twin, placeholder, snapshot, model } = playground.screen;
  if (!doc.twin || !twin || placeholder || !snapshot || model?.file !== twin.listed.file) return nothing;
  return lazy('twin', () => import('./twin'), () => html`<sc-twin .playground=${playground}></sc-twin>`);
}
