/** The questions of the tour: what the page shows before and after each, in terms that hold for every task. No words. */
import { contrast } from '../../domain/contrast';
import { row } from '../../domain/flow';
import { modelNodes } from '../../domain/circuit';
import { findNode } from '../../domain/nodes';
import type { ModelInfo, NodeId, TaskInfo } from '../../engine/protocol';
import { opening, sameRun, withChange, withFlip, withMode, withText, type Choice, type Doc } from '../../state/document';
import type { Snapshot } from '../../state/screen';
import type { Answered, Asked, Question } from '../../text/en/lesson';
import { longName } from '../../text/names';
import { answerOf } from '../prediction/answer';
import { offNode, promptsOf } from './prompts';

/** In their order. Their number is `QUESTIONS`. */
export const ORDER: readonly Question[] = ['other', 'longer', 'trap', 'alone', 'off', 'flip'];

export interface Scene {
  question: Question;
  before: Doc;
  after: Doc;
  /** The new text, where the question is about one. */
  text: string | null;
}

/** The scene of a question, or null if `step` is none. */
export function sceneOf(step: number, task: TaskInfo): Scene | null {
  const question = ORDER[step - 1];
  if (question === undefined) return null;
  const start = opening(task.name, task.presets[0]!.a.text, null);
  switch (question) {
    case 'other':
    case 'longer':
    case 'trap': {
      const text = promptsOf(task)[question];
      return { question, before: start, after: withText(start, text), text };
    }
    case 'alone':
      return { question, before: start, after: withMode(start, 'circuit'), text: null };
    case 'off':
      return { question, before: start, after: withChange(start, offNode(task), { kind: 'off' }), text: null };
    case 'flip':
      return { question, before: start, after: withFlip(start, true), text: null };
  }
}

/** Whether a document has the text and the edits of a scene's document. What is selected does not count. */
export function matches(doc: Doc, scene: Doc): boolean {
  return sameRun({ ...doc, node: null, token: null }, { ...scene, node: null, token: null });
}

export function askedOf({ task, result }: Snapshot, model: Parameters<typeof modelNodes>[0] & Pick<ModelInfo, 'headWidth'>): Asked {
  const { circuit } = task;
  const name = (node: NodeId) => {
    const info = findNode(circuit, node, model.headWidth);
    return info ? longName(info) : node;
  };
  return {
    task: task.name, circuit: circuit.nodes.length, model: modelNodes(model), node: name(offNode(task)), flips: circuit.flipNodes.map(name),
    sees: result.b && contrast(result.a, result.b),
  };
}

/** What the run of a scene's `after` shows. */
export function answeredOf(snapshot: Snapshot, model: Parameters<typeof askedOf>[1]): Answered {
  const { task, result } = snapshot;
  const { p, winner, level, right, untouched, full, mode } = answerOf(snapshot);
  return {
    ...askedOf(snapshot, model), candidates: task.candidates, p, winner, level, right, before: untouched, full: mode === 'circuit' ? full : null, look: lookOf(snapshot),
    tokens: result.a.tokens.length, startTokens: task.presets[0]!.a.tokens.length, accuracy: task.circuit.accuracy,
  };
}

/** A smaller share is not where a head looks. */
const LOOKS = 0.3;

/** The head of the circuit that looks most, from the last token, at the token where the two prompts differ. */
function lookOf({ result: { a, view } }: Snapshot): Answered['look'] {
  const shares = view.heads.map(({ layer, head }, index) => ({ layer, head, share: row(view.attention, view, index)[view.marked] ?? 0, token: a.tokens[view.marked]?.text ?? '' }));
  const most = shares.reduce<(typeof shares)[number] | null>((best, one) => (best && best.share >= one.share ? best : one), null);
  return most && most.share >= LOOKS ? most : null;
}

/** The choice that fits what happens. */
export function outcome({ winner, level }: Pick<Answered, 'winner' | 'level'>): Choice {
  return level ? 2 : winner;
}
