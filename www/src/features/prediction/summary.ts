/** The sentence under the bars: who answers what, whether that is right, and what the edits change. */
import { contrast, type Contrast } from '../../domain/contrast';
import { changedNodes, changeOf, flipActs } from '../../domain/edits';
import { flowOf } from '../../domain/flow';
import { parseEdge } from '../../domain/edges';
import { findNode } from '../../domain/nodes';
import type { NodeId } from '../../engine/protocol';
import type { Snapshot } from '../../state/screen';
import { summary as text, type Moved } from '../../text/en';
import { longName, nameOfId, nameOfTarget } from '../../text/names';
import type { RichText } from '../../text/rich-text';
import { answerOf, likelier, type Answer } from './answer';

/** What the sentence is about. */
export type SummaryKind = 'no-task' | 'expects' | 'level' | 'agrees' | 'disagrees' | 'removed' | 'flip' | 'flip-held' | 'node' | 'edge' | 'nodes';

export interface Summary {
  kind: SummaryKind;
  answer: Answer;
  text: RichText;
  /** A second line; empty if there is nothing to add. */
  more: RichText;
}

export function summary(snapshot: Snapshot, headWidth: number): Summary {
  const answer = answerOf(snapshot);
  const { kind, text, more = [] } = told(snapshot, answer, headWidth);
  return { kind, answer, text, more };
}

type Told = Pick<Summary, 'kind' | 'text'> & Partial<Pick<Summary, 'more'>>;

function told(snapshot: Snapshot, answer: Answer, headWidth: number): Told {
  const { edits, reason } = snapshot.result;
  const nodes = changedNodes(edits);
  if (!answer.applies) return { kind: 'no-task', text: text.noTask(reason) };
  if (edits.flip && edits.mode === 'removed' && nodes.length === 0 && edits.offEdges.length === 0) return { kind: 'flip-held', text: text.flipHeld(flipNames(snapshot)) };
  if (answer.untouched !== null) {
    const { kind, text: start } = changes(snapshot, nodes, headWidth);
    return { kind, text: [...start, ...text.effect(names(snapshot, answer))], more: asBaseline(snapshot, answer, kind) };
  }
  switch (answer.mode) {
    case 'full':
      return unedited(snapshot, answer);
    case 'circuit':
      return circuitAlone(snapshot, answer);
    case 'removed':
      return { kind: 'removed', text: text.removed(names(snapshot, answer)) };
  }
}

/** The names and numbers that every sentence is made of. */
function names(snapshot: Snapshot, answer: Answer) {
  const { candidates } = snapshot.task;
  return { ...answer, candidates };
}

function unedited(snapshot: Snapshot, answer: Answer): Told {
  const salient = salience(snapshot);
  const start = answer.level ? text.level(names(snapshot, answer)) : text.prefers(names(snapshot, answer), salient);
  const flips = flipNames(snapshot);
  const canFlip = snapshot.result.b !== null && flips.length > 0;
  return { kind: answer.level ? 'level' : 'expects', text: canFlip ? [...start, ...text.flipChanges(flips)] : start, more: canFlip ? text.tryThis : [] };
}

function circuitAlone(snapshot: Snapshot, answer: Answer): Told {
  const agrees = answer.winner === answer.fullWinner;
  const start = text.circuitAlone(names(snapshot, answer));
  // The candidate that the circuit should prefer: the right one, or the full model's.
  const goal = answer.right ?? answer.fullWinner;
  const more = agrees || answer.baseline === null ? [] : text.pushes(snapshot.task.candidates[goal], answer.baseline[goal], answer.p[goal], goal === answer.winner);
  return { kind: agrees ? 'agrees' : 'disagrees', text: start, more };
}

/** Off is not neutral in circuit mode: where it reverses the answer, the new one may be that of the baseline. */
function asBaseline(snapshot: Snapshot, { baseline, untouched, winner }: Answer, kind: SummaryKind): RichText {
  if (kind === 'flip' || baseline === null || untouched === null) return [];
  const reversed = likelier(untouched) !== winner;
  return reversed && likelier(baseline) === winner ? text.asBaseline(snapshot.task.candidates[winner], baseline[winner]) : [];
}

/** What was changed. */
function changes(snapshot: Snapshot, nodes: NodeId[], headWidth: number): Told {
  const { edits } = snapshot.result;
  const flipped = flipActs(edits);
  const flips = flipNames(snapshot);
  const { offEdges } = edits;
  if (flipped && nodes.length === 0 && offEdges.length === 0) {
    const [first] = snapshot.task.circuit.flipNodes;
    return { kind: 'flip', text: text.flipped(flips, salience(snapshot), first === undefined ? null : moved(snapshot, first)) };
  }
  if (!flipped && nodes.length === 1 && offEdges.length === 0) return { kind: 'node', text: nodeText(snapshot, nodes[0]!, headWidth) };
  const only = !flipped && nodes.length === 0 && offEdges.length === 1 ? parseEdge(offEdges[0]!) : null;
  if (only) {
    const { circuit, candidates } = snapshot.task;
    return { kind: 'edge', text: text.edgeOff(nameOfId(circuit, only.from, headWidth), nameOfTarget(circuit, only.to, headWidth, candidates)) };
  }
  return { kind: 'nodes', text: text.changed(nodes.length, offEdges.length, flipped) };
}

function nodeText(snapshot: Snapshot, node: NodeId, headWidth: number): RichText {
  const { circuit } = snapshot.task;
  const info = findNode(circuit, node, headWidth);
  const name = info ? longName(info) : node;
  const change = changeOf(snapshot.result.edits, node);
  const way = moved(snapshot, node);
  switch (change?.kind) {
    case 'off':
      return text.off(name, circuit.nodes.find((one) => one.node === node)?.mean, way);
    case 'set':
      return text.set(name, change.value, way);
    case 'scale':
      return text.scaled(name, change.factor, way);
    default:
      return text.patched(name, way);
  }
}

/** The value of a node without and with the edits, at the token at which the graph reads it; null outside the circuit. */
function moved(snapshot: Snapshot, node: NodeId): Moved {
  const row = snapshot.task.circuit.nodes.findIndex((one) => one.node === node);
  const from = snapshot.result.view.untouched?.values[row];
  const to = flowOf(snapshot).value.get(node);
  return from === undefined || to === undefined ? null : { from, to };
}

function flipNames(snapshot: Snapshot): string[] {
  const { circuit } = snapshot.task;
  return circuit.flipNodes.map((node) => {
    const info = circuit.nodes.find((one) => one.node === node);
    return info ? longName(info) : node;
  });
}

/** Whether Flip gives this node its value. */
export function flips(snapshot: Snapshot, node: NodeId): boolean {
  const { edits } = snapshot.result;
  return flipActs(edits) && snapshot.task.circuit.flipNodes.includes(node);
}

/** The short text in which the two prompts differ, or null. */
function salience(snapshot: Snapshot): Contrast | null {
  const { a, b } = snapshot.result;
  return b && contrast(a, b);
}
