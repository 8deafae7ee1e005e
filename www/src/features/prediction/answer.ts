/** What a run answers, and how that compares: with the full model, the untouched run, and the right answer. Facts only; no words. */
import { flipActs, hasChanges } from '../../domain/edits';
import type { Mode } from '../../engine/protocol';
import type { Snapshot } from '../../state/screen';
import { percent } from '../../text/format';

export interface Answer {
  mode: Mode;
  p: [number, number];
  /** The more likely candidate. */
  winner: 0 | 1;
  /** Whether the two are almost level. */
  level: boolean;
  /** The candidate that is right; null if the task's rule cannot tell. */
  right: 0 | 1 | null;
  /** Whether the winner is known to be wrong. */
  wrong: boolean;
  /** The full model without edits; null in full mode. */
  full: [number, number] | null;
  fullWinner: 0 | 1;
  /** In circuit mode: every node at its average. */
  baseline: [number, number] | null;
  /** The same mode without edits; null if there are no edits. */
  untouched: [number, number] | null;
  /** Whether the task applies to the prompt. */
  applies: boolean;
}

/** From this probability on the answer counts as decided. */
const DECIDED = 0.6;

export function answerOf(snapshot: Snapshot): Answer {
  const { view, edits, answer: right, b } = snapshot.result;
  const winner = likelier(view.p);
  const edited = flipActs(edits) || hasChanges(edits);
  return {
    mode: edits.mode,
    p: view.p,
    winner,
    level: view.p[winner] < DECIDED,
    right,
    wrong: right !== null && right !== winner && percent(view.p[0]) !== percent(view.p[1]),
    full: edits.mode === 'full' ? null : view.full.p,
    fullWinner: likelier(view.full.p),
    baseline: view.baseline,
    untouched: edited ? (view.untouched?.p ?? null) : null,
    applies: right !== null || b !== null || snapshot.doc.b !== null,
  };
}

export function likelier([first, second]: [number, number]): 0 | 1 {
  return second > first ? 1 : 0;
}
