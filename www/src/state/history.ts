/** Undo: the documents before this one. Quick changes of one kind (typing, a slider's drag) count as one step. */
import type { Doc } from './document';

export interface History {
  past: readonly Doc[];
  /** What kind of change came last, and when (milliseconds). */
  kind: string;
  at: number;
}

/** Steps kept. */
const DEPTH = 200;
/** Changes of the same kind within this time (milliseconds) are one step. */
const MERGE_MS = 1000;

export const noHistory: History = { past: [], kind: '', at: 0 };

/** Remembers `before`. Adds `before` as a step. A change of the same `kind` within `MERGE_MS` joins the previous step; an empty kind never does. */
export function remember(history: History, before: Doc, kind: string, now: number): History {
  const joins = kind !== '' && kind === history.kind && now - history.at < MERGE_MS && history.past.length > 0;
  return { past: joins ? history.past : [...history.past, before].slice(-DEPTH), kind, at: now };
}

/** The document to go back to, and the history before it; null where there is none. */
export function undo(history: History): { doc: Doc; history: History } | null {
  const doc = history.past.at(-1);
  return doc ? { doc, history: { past: history.past.slice(0, -1), kind: '', at: 0 } } : null;
}
