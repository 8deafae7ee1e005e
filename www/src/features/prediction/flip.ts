/** The flip button, and what it does or why it cannot. */
import { html, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { flip as text } from '../../text/en';
import { icons } from '../shared/icons';

export function flip(screen: Screen, toggle: () => void): TemplateResult {
  const task = screen.tasks.find((one) => one.name === screen.doc.task);
  const on = screen.doc.edits.flip;
  const why = reason(screen);
  return html`<section class="act" aria-label=${text.label}>
    <button
      class="flipb"
      data-testid="flip"
      ?disabled=${why !== null && !on}
      aria-pressed=${on ? 'true' : 'false'}
      aria-describedby="flip-hint"
      @click=${toggle}
    >
      ${icons.flip}<span>${on ? text.back : (task?.flipLabel ?? text.label)}</span>
    </button>
    <p class="hint" id="flip-hint">${why ?? rates(screen)}</p>
  </section>`;
}

/** Why there is nothing to flip, or null. */
function reason(screen: Screen): string | null {
  const { snapshot, placeholder } = screen;
  if (placeholder) return text.afterLoading;
  if (!snapshot) return screen.phase === 'error' ? text.notLoaded : text.loading;
  if (snapshot.task.circuit.flipNodes.length === 0) return text.noNodes;
  if (snapshot.doc.task !== screen.doc.task || snapshot.doc.a !== screen.doc.a) return null;
  if (!snapshot.result.b) return snapshot.result.reason ?? text.noPromptB;
  return null;
}

function rates(screen: Screen): string {
  const rate = screen.snapshot?.task.circuit.flipRate;
  return !rate || rate.circuit === null || rate.full === null ? text.textStays : text.rates(rate.circuit, rate.full);
}
