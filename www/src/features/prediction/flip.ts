/** The flip button, and what it does or why it cannot. */
import { html, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { wholePercent } from '../../text/format';
import { icons } from '../shared/icons';

export function flip(screen: Screen, toggle: () => void): TemplateResult {
  const task = screen.tasks.find((one) => one.name === screen.doc.task);
  const on = screen.doc.edits.flip;
  const why = reason(screen);
  return html`<section class="act" aria-label="Flip">
    <button
      class="flipb"
      data-testid="flip"
      ?disabled=${why !== null && !on}
      aria-pressed=${on ? 'true' : 'false'}
      aria-describedby="flip-hint"
      @click=${toggle}
    >
      ${icons.flip}<span>${on ? 'Flip it back' : (task?.flipLabel ?? 'Flip')}</span>
    </button>
    <p class="hint" id="flip-hint">${why ?? rates(screen)}</p>
  </section>`;
}

/** Why there is nothing to flip, or null. */
function reason(screen: Screen): string | null {
  const { numbers, poster } = screen;
  if (poster) return 'Ready as soon as the model is loaded.';
  if (!numbers) return screen.phase === 'error' ? 'The model is not loaded.' : 'The model is loading.';
  if (numbers.task.circuit.flipNodes.length === 0) return 'This circuit has no nodes to flip.';
  if (numbers.doc.task !== screen.doc.task || numbers.doc.a !== screen.doc.a) return null;
  if (!numbers.shown.b) return numbers.shown.reason ?? 'There is no prompt B to take values from.';
  return null;
}

function rates(screen: Screen): unknown {
  const rate = screen.numbers?.task.circuit.flipRate;
  if (!rate || rate.circuit === null || rate.full === null) return 'Your text stays as it is.';
  return html`Your text stays as it is. Reverses ${wholePercent(rate.circuit)} of test prompts (full${'\u00a0'}model:${'\u00a0'}${wholePercent(rate.full)}).`;
}
