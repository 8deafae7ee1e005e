/** The flip button, and what it does or why it cannot. */
import { html, type TemplateResult } from 'lit';
import type { Screen } from '../../state/screen';
import { flip as text } from '../../text/en';
import type { RichText } from '../../text/rich-text';
import { icons } from '../common/icons';
import { richText } from '../common/rich-text';

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
    <p class="hint" id="flip-hint">${richText(why === null ? rates(screen) : [why])}</p>
  </section>`;
}

/** Why there is nothing to flip, or null. */
function reason(screen: Screen): string | null {
  const { snapshot, placeholder } = screen;
  if (placeholder) return text.afterLoading;
  if (!snapshot) return screen.phase === 'error' ? text.notLoaded : text.loading;
  if (snapshot.task.circuit.flipNodes.length === 0) return text.noNodes;
  if (screen.doc.edits.mode === 'removed') return text.removed;
  if (snapshot.doc.task !== screen.doc.task || snapshot.doc.a !== screen.doc.a) return null;
  if (!snapshot.result.b) return snapshot.result.reason ?? text.noPromptB;
  return null;
}

function rates(screen: Screen): RichText {
  const circuit = screen.snapshot?.task.circuit;
  if (!circuit) return [text.textStays];
  const { circuit: alone, full } = circuit.flipRate;
  return [...text.copies(circuit.flipNodes.length), ...(alone === null || full === null ? [] : text.rates(alone, full, screen.doc.edits.mode === 'circuit'))];
}
