/** State of the engine on the left; undo, reset and share on the right. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Screen } from '../state/screen';
import { bytes } from '../words/numbers';
import { icons } from './icons';

export interface FooterActions {
  undo(): void;
  reset(): void;
  share(): void;
}

export function footer(screen: Screen, copied: string, actions: FooterActions): TemplateResult {
  const { phase, progress } = screen;
  return html`<footer>
    <span class="state" data-testid="status" data-state=${phase}><i class="dot"></i><span>${words(screen)}</span></span>
    ${phase === 'loading' && progress
      ? html`<span class="load" role="progressbar" aria-label="Loading the model" aria-valuemin="0" aria-valuemax=${progress.total} aria-valuenow=${progress.loaded}
          ><i style="width:${((100 * progress.loaded) / Math.max(1, progress.total)).toFixed(1)}%"></i></span
        >`
      : nothing}
    ${screen.backend
      ? html`<span class="sep"></span><span>Runs on <b data-testid="backend">${screen.backend}</b>${time(screen)}</span>`
      : nothing}
    <span class="grow"></span>
    <span class="copied" role="status">${copied}</span>
    <button class="quiet" data-testid="undo" ?disabled=${!screen.canUndo} @click=${actions.undo}>${icons.undo}Undo</button>
    <button class="quiet" data-testid="reset" ?disabled=${!screen.numbers || screen.poster} @click=${actions.reset}>${icons.reset}Reset</button>
    <button class="quiet" data-testid="share" ?disabled=${!screen.numbers || screen.poster} @click=${actions.share}>${icons.share}Share</button>
  </footer>`;
}

function time(screen: Screen): string {
  const ms = screen.numbers?.shown.view.ms;
  if (ms === undefined || screen.poster) return '';
  return ms < 1 ? ', under 1 ms' : `, ${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function words(screen: Screen): string {
  const { phase, progress, poster } = screen;
  const loaded = progress ? bytes(progress.loaded) : '';
  if (phase === 'loading') {
    const start = poster ? 'Precomputed numbers; ' : '';
    const rest = progress ? `loading the model, ${loaded} of ${bytes(progress.total)}` : 'loading the model';
    return start === '' ? `L${rest.slice(1)}` : start + rest;
  }
  if (phase === 'error') return 'Not running';
  return `${phase === 'busy' ? 'Working' : 'Ready'}${loaded ? `, ${loaded} loaded` : ''}`;
}
