/** The tour and present mode as the first screen knows them: two buttons, and the places of the parts that are loaded later. */
import { html, nothing, type TemplateResult } from 'lit';
import { withTour, type TourDoc } from '../../state/document';
import type { Playground } from '../../state/playground';
import type { Screen } from '../../state/screen';
import { page as text } from '../../text/en';
import { icons } from '../common/icons';
import { lazy } from '../common/lazy';

const CLOSED: TourDoc = { step: 1, shown: false, choice: null, present: false };

const live = ({ snapshot, placeholder }: Screen): boolean => snapshot !== null && !placeholder;

const load = () => import('./lesson');

export function tourSwitch(playground: Playground): TemplateResult {
  return html`<button class="twinb" data-testid="tour" ?disabled=${!live(playground.screen)} @click=${async () => {
    // The code comes first. Without it the tour says why it cannot start.
    const lesson = await load().catch(() => null);
    if (lesson) lesson.openTour(playground);
    else playground.change(withTour(playground.screen.doc, CLOSED), 'select');
  }}>${text.tour}</button>`;
}

export function presentSwitch(playground: Playground): TemplateResult {
  return html`<button class="quiet icon present" data-testid="present" aria-label=${text.present} title=${text.present} ?disabled=${!live(playground.screen)} @click=${() => {
    // Only a click may ask for the full screen. Where there is none, the window is the screen.
    if (document.fullscreenEnabled) document.documentElement.requestFullscreen().catch(() => {});
    const { doc } = playground.screen;
    playground.change(withTour(doc, { ...(doc.tour ?? { ...CLOSED, step: 0 }), present: true }), 'select');
  }}>${icons.fullScreen}</button>`;
}

export function tourPanel(playground: Playground): TemplateResult | typeof nothing {
  const { screen } = playground;
  return screen.doc.tour && live(screen) ? lazy('tour', load, () => html`<sc-tour .playground=${playground}></sc-tour>`) : nothing;
}

/** What is on the screen instead of the page; null: the page. */
export function presentation(playground: Playground): TemplateResult | null {
  return playground.screen.doc.tour?.present ? lazy('present', load, () => html`<sc-present .playground=${playground}></sc-present>`) : null;
}
