/** State of the engine on the left, with what it runs on and why; undo, reset and share on the right. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Playground } from '../../state/playground';
import type { Screen } from '../../state/screen';
import { engine as engineText, footer as text, links as linksText } from '../../text/en';
import type { BackendName, BackendState } from '../../engine/protocol';
import { links } from '../about/links';
import { icons } from '../common/icons';
import { styles } from '../common/styles';
import { term } from '../common/term';
import './status';

export interface FooterActions {
  undo(): void;
  reset(): void;
  share(): void;
  export(): void;
  use(backend: BackendName): void;
}

export function footer(playground: Playground, notice: string, actions: FooterActions): TemplateResult {
  const { screen } = playground;
  const { phase, progress } = screen;
  return html`<footer>
    <sc-status .playground=${playground}></sc-status>
    ${phase === 'loading' && progress
      ? html`<span class="load" role="progressbar" aria-label=${text.loading} aria-valuemin="0" aria-valuemax=${progress.total} aria-valuenow=${progress.loaded}
          ><i ${styles({ width: `${((100 * progress.loaded) / Math.max(1, progress.total)).toFixed(1)}%` })}></i></span
        >`
      : nothing}
    ${screen.backend ? runsOn(screen, screen.backend, actions) : nothing}
    ${screen.restart === null ? nothing : restartNote(engineText.restarted(screen.restart))}
    <span class="grow"></span>
    <nav class="links" aria-label=${linksText.label}>${links()}</nav>
    <span class="copied" role="status">${notice}</span>
    <button class="quiet" data-testid="undo" ?disabled=${!screen.canUndo} @click=${actions.undo}>${icons.undo}${text.undo}</button>
    <button class="quiet" data-testid="reset" ?disabled=${!screen.snapshot || screen.placeholder} @click=${actions.reset}>${icons.reset}${text.reset}</button>
    <button class="quiet" data-testid="share" ?disabled=${!screen.snapshot || screen.placeholder} @click=${actions.share}>${icons.share}${text.share}</button>
    <button class="quiet" data-testid="export" ?disabled=${!screen.snapshot || screen.placeholder} @click=${actions.export}>${icons.export}${text.export}</button>
  </footer>`;
}

function runsOn(screen: Screen, backend: BackendState, actions: FooterActions): TemplateResult {
  const { name, other } = backend;
  const reason = engineText.why(backend);
  const times = backend.reason.kind === 'measured' ? backend.reason : null;
  return html`<span class="sep"></span><span class="runs">${term('backend', text.runsOn)} <b data-testid="backend">${name}</b>${time(screen)}</span>
    ${reason
      ? html`<span
          class="why"
          data-testid="backend-why"
          data-reason=${backend.reason.kind}
          data-cpu-ms=${times?.cpu ?? nothing}
          data-webgpu-ms=${times?.webgpu ?? nothing}
          data-software=${times?.software ?? nothing}
          title=${reason}
          >${reason}</span
        >`
      : nothing}
    ${other ? html`<button class="quiet" data-testid="use-backend" @click=${() => actions.use(other)}>${text.use(other)}</button>` : nothing}`;
}

function restartNote(note: string): TemplateResult {
  return html`<span class="why" data-testid="engine-restart" title=${note}>${note}</span>`;
}

function time(screen: Screen): string {
  const result = screen.snapshot?.result;
  // Between two backends the numbers are still those of the one before.
  return !result || screen.placeholder || result.backend !== screen.backend?.name ? '' : text.time(result.view.ms);
}
