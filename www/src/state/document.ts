/**
 * What a person can change, as one immutable value, and every change as a function from one such value to the next.
 * The address bar, undo and the engine all speak this value; nothing else on the page decides what is computed.
 */
import { clampChange, noEdits, type Change } from '../domain/edits';
import type { Selection } from '../domain/selection';
import type { EdgeId, Edits, Mode, NodeId, RunRequest } from '../engine/protocol';

/** The user's settings of the open dense twin. */
export interface TwinDoc {
  /** The strength of the steering, 0..1. */
  steer: number;
  /** The channel, a read of the circuit; null: the one that the bridge names for the task. */
  channel: NodeId | null;
  /** The boundary at which the hybrid passes switch models; null: the middle one. */
  boundary: number | null;
}

/** The place in the tour of questions. */
export interface TourDoc {
  /** 1 to `QUESTIONS`: a question. The next number: the end. 0: none yet, in present mode. */
  step: number;
  /** Whether the page shows what happens. */
  shown: boolean;
  /** What the user expects: the first candidate, the second, or that they are almost level (2). Null: no choice. */
  choice: Choice | null;
  /** Whether it fills the screen, for a projector. */
  present: boolean;
}

export type Choice = 0 | 1 | 2;

/** The questions of the tour. */
export const QUESTIONS = 6;

/** What the engine is asked for, what is open in the panel, how the circuit is shown, the twin, and the tour. */
export interface Doc extends Omit<RunRequest, 'target' | 'head'> {
  node: Selection | null;
  /** Whether the list of nodes replaces the graph. */
  list: boolean;
  /** Whether the graph has also the nodes that are inactive on the task's example. */
  all: boolean;
  /** Null: the twin is closed. */
  twin: TwinDoc | null;
  /** Null: the tour is closed. */
  tour: TourDoc | null;
}

/** The initial document of a task: first preset, full model, no changes. */
export function opening(task: string, a: string, node: NodeId | null): Doc {
  return { task, a, b: null, edits: noEdits('full'), node, token: null, list: false, all: false, twin: null, tour: null };
}

export function withText(doc: Doc, a: string): Doc {
  return a === doc.a ? doc : { ...doc, a, token: null };
}

export function withCounterfactual(doc: Doc, b: string | null): Doc {
  return b === doc.b ? doc : { ...doc, b };
}

export function withMode(doc: Doc, mode: Mode): Doc {
  return mode === doc.edits.mode ? doc : { ...doc, edits: { ...doc.edits, mode } };
}

/** Flip also sets the twin's strength: 1 when flipped, else 0. */
export function withFlip(doc: Doc, flip: boolean): Doc {
  if (flip === doc.edits.flip) return doc;
  return { ...doc, edits: { ...doc.edits, flip }, twin: doc.twin && { ...doc.twin, steer: flip ? 1 : 0 } };
}

/** Opens the twin, with the strength 1 if the sparse model is flipped and 0 otherwise, or closes it. */
export function withTwin(doc: Doc, open: boolean): Doc {
  if (open === (doc.twin !== null)) return doc;
  return { ...doc, twin: open ? { steer: doc.edits.flip ? 1 : 0, channel: null, boundary: null } : null };
}

export function withSteer(doc: Doc, steer: number): Doc {
  if (!doc.twin || !Number.isFinite(steer)) return doc;
  return { ...doc, twin: { ...doc.twin, steer: Math.max(0, Math.min(1, steer)) } };
}

export function withChannel(doc: Doc, channel: NodeId | null): Doc {
  return doc.twin ? { ...doc, twin: { ...doc.twin, channel } } : doc;
}

export function withBoundary(doc: Doc, boundary: number | null): Doc {
  return doc.twin ? { ...doc, twin: { ...doc.twin, boundary } } : doc;
}

/** The document `to`, with the list and the twin open or closed as in `from`, and without steering. */
export function keepView(from: Doc, to: Doc): Doc {
  return { ...to, list: from.list, twin: from.twin && { steer: to.edits.flip ? 1 : 0, channel: null, boundary: from.twin.boundary } };
}

export function withTour(doc: Doc, tour: TourDoc | null): Doc {
  return { ...doc, tour };
}

export function withList(doc: Doc, list: boolean): Doc {
  return list === doc.list ? doc : { ...doc, list };
}

export function withAll(doc: Doc, all: boolean): Doc {
  return all === doc.all ? doc : { ...doc, all };
}

export function withNode(doc: Doc, node: NodeId | null): Doc {
  return node === doc.node ? doc : { ...doc, node };
}

export function withToken(doc: Doc, token: number | null): Doc {
  return token === doc.token ? doc : { ...doc, token };
}

/** Replaces every change of one node by `change`, or by none. */
export function withChange(doc: Doc, node: NodeId, change: Change | null): Doc {
  const { edits } = doc;
  const { [node]: _value, ...set } = edits.set;
  const { [node]: _factor, ...scale } = edits.scale;
  const next: Edits = {
    ...edits,
    off: edits.off.filter((other) => other !== node),
    patch: edits.patch.filter((other) => other !== node),
    set,
    scale,
  };
  if (change?.kind === 'off') next.off = [...next.off, node];
  if (change?.kind === 'patch') next.patch = [...next.patch, node];
  if (change?.kind === 'set') next.set = { ...set, [node]: clampChange(change.value) };
  if (change?.kind === 'scale') next.scale = { ...scale, [node]: clampChange(change.factor) };
  return { ...doc, edits: next };
}

/** Switches one edge off or on. */
export function withEdge(doc: Doc, edge: EdgeId, off: boolean): Doc {
  const others = doc.edits.offEdges.filter((other) => other !== edge);
  return { ...doc, edits: { ...doc.edits, offEdges: off ? [...others, edge] : others } };
}

/** The document after undo: the changes of `before`, with the panels and the selection of `now`, as far as they fit. */
export function undone(now: Doc, before: Doc): Doc {
  const task = now.task === before.task;
  const { twin } = withTwin(before, now.twin !== null);
  return {
    ...before,
    twin: twin && now.twin && { ...twin, boundary: now.twin.boundary },
    tour: now.tour && before.tour,
    list: now.list,
    all: task ? now.all : before.all,
    node: task ? now.node : before.node,
    token: task && now.a === before.a ? now.token : before.token,
  };
}

/**
 * The document when the model of `kept` is opened again: prompts, mode and flip as in `now`, and the changes of nodes and the selection
 * that the user had made on this model. Another task has changes of its own.
 */
export function resumed(now: Doc, kept: Doc): Doc {
  if (now.task !== kept.task) return now;
  const { mode, flip } = now.edits;
  const steered = now.twin && kept.twin && flip === kept.edits.flip;
  return {
    ...now,
    edits: { ...kept.edits, mode, flip },
    node: kept.node,
    token: now.a === kept.a ? kept.token : null,
    twin: steered ? kept.twin : now.twin,
  };
}

/** Whether two documents need the same run of the sparse model. */
export function sameRun(left: Doc, right: Doc): boolean {
  const run = (doc: Doc): Doc => ({ ...doc, list: false, all: false, twin: null, tour: null });
  return sameDoc(run(left), run(right));
}

/** Whether two documents have the same answer: what is open in the panel and the token that is shown do not change it. */
export function sameAnswer(left: Doc, right: Doc): boolean {
  const asked = (doc: Doc): Doc => ({ ...doc, node: null, token: null });
  return sameRun(asked(left), asked(right));
}

/** Whether two documents show the same screen. */
export function sameDoc(left: Doc, right: Doc): boolean {
  return left === right || JSON.stringify(sorted(left)) === JSON.stringify(sorted(right));
}

function sorted(doc: Doc): unknown {
  const { edits } = doc;
  const entries = (record: Record<string, number>) => Object.entries(record).sort(([x], [y]) => (x < y ? -1 : 1));
  return [doc.task, doc.a, doc.b, doc.node, doc.token, edits.mode, edits.flip, [...edits.off].sort(), [...edits.patch].sort(), [...edits.offEdges].sort(),
    entries(edits.set), entries(edits.scale), doc.list, doc.all, doc.twin && [doc.twin.steer, doc.twin.channel, doc.twin.boundary],
    doc.tour && [doc.tour.step, doc.tour.shown, doc.tour.choice, doc.tour.present]];
}
