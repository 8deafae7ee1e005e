/** The place of the line about a link's numbers. Its code is loaded when a link has some. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';

export function claimLine(screen: Screen): TemplateResult | typeof nothing {
  if (!screen.claim) return nothing;
  // If the code cannot be loaded, the page works without this line.
  import('./claim').catch(() => {});
  return html`<sc-claim .screen=${screen}></sc-claim>`;
}
