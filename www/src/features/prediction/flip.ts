/** The flip button, and what it does or why it cannot. After a flip: its control. */
import { html, nothing, type TemplateResult } from 'lit';
import { controlOf } from '../../state/flip-control';
import type { Screen, Snapshot } from '../../state/screen';
import { flip as text } from '../../text/en';
import type { RichText } from '../../text/rich-text';
import { icons } from '../common/icons';
import { richText } from '../common/rich-text';
import { answerOf, likelier } from './answer';

export function flip(screen: Screen, toggle: () => void): TemplateResult {
  const task = screen.tasks.find((one) => one.name === screen.doc.task);
  const on = screen.doc.edits.flip;
  const why = reason(screen);
  const control = on ? controlOf(screen) : null;
  const told = control && screen.snapshot ? controlText(screen.snapshot, control) : [];
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
    <p class="hint ${told.length > 0 ? 'control' : ''}" id="flip-hint" data-control=${told.length > 0 ? control!.map(([first]) => first).join() : nothing}>${richText(told.length > 0 ? told : why === null ? rates(screen) : [why])}</p>
  </section>`;
}

/** A control keeps the answer where it moves it by less than this share of what the flip does. */
const KEEPS = 0.25;

/** What the control shows about the right answer, if the untouched run prefers it. */
export function controlText(snapshot: Snapshot, control: [number, number][]): RichText {
  const { p, untouched, right } = answerOf(snapshot);
  if (untouched === null || control.length === 0) return [];
  const winner = likelier(untouched);
  // Values from prompts with the right answer tell nothing about a wrong one.
  if (winner !== right) return [];
  const shares = control.map((one) => one[winner]).sort((left, right) => left - right);
  const [min, max] = [shares[0]!, shares.at(-1)!];
  const moved = Math.max(...shares.map((share) => Math.abs(share - untouched[winner])));
  const kind = min < 0.5 ? 'reverses' : moved < KEEPS * Math.abs(p[winner] - untouched[winner]) ? 'keeps' : 'moves';
  return text.control(control.length, snapshot.task.candidates[winner], min, max, kind);
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
