/** The sentence under the bars: what the model does here, or what the last change did. */
import { contrast, type Contrast } from '../../domain/contrast';
import { changedNodes, changeOf, flipActs } from '../../domain/edits';
import { flowOf } from '../../domain/flow';
import { findNode } from '../../domain/nodes';
import type { NodeId } from '../../engine/protocol';
import type { Snapshot } from '../../state/screen';
import { summary as text, type Moved } from '../../text/en';
import { percent } from '../../text/format';
import { longName } from '../../text/names';
import type { RichText } from '../../text/rich-text';

/** What the sentence is about. */
export type SummaryKind = 'expects' | 'with-changes' | 'mode' | 'flip' | 'flip-held' | 'flip-back' | 'node' | 'nodes';

export interface Summary {
  kind: SummaryKind;
  text: RichText;
}

/** What changed between two runs on the same text; without a run before, what there is to see. */
export function summary(snapshot: Snapshot, previous: Snapshot | null, headWidth: number): Summary {
  return (previous && changed(previous, snapshot, headWidth)) ?? seen(snapshot);
}

/** Below this share of the whole vocabulary neither candidate counts as likely, unless one is among the top five. */
const LIKELY = 0.01;

export function unlikely(snapshot: Snapshot): boolean {
  const { pFull, top } = snapshot.result.view;
  return pFull[0] + pFull[1] < LIKELY && !top.some((one) => snapshot.task.candidateIds.includes(one.id));
}

/** Whether the likeliest token of the vocabulary is not the likelier candidate: then the sentence is about the two candidates only. */
function ofTheTwo(snapshot: Snapshot): boolean {
  const first = snapshot.result.view.top[0];
  return first !== undefined && first.id !== snapshot.task.candidateIds[winner(snapshot)];
}

/** From this share of the two on the model counts as having decided. */
const SURE = 0.6;

/** The likelier candidate: 0 or 1. */
export function winner(snapshot: Snapshot): 0 | 1 {
  return snapshot.result.view.p[1] > snapshot.result.view.p[0] ? 1 : 0;
}

function seen(snapshot: Snapshot): Summary {
  const { task, result: { edits, view, b } } = snapshot;
  const candidate = task.candidates[winner(snapshot)];
  const p = view.p[winner(snapshot)];
  const ofTwo = ofTheTwo(snapshot);
  const changes = changedNodes(edits).length;
  const flipped = flipActs(edits);
  if (flipped || changes > 0) return { kind: 'with-changes', text: text.withChanges(flipped, changes, candidate, p, ofTwo) };
  const salient = salience(snapshot);
  const start = text.expects({ contrast: salient, candidate, p, sure: p >= SURE, ofTwo });
  const names = flipNames(snapshot);
  // Without the circuit its nodes are held at their means, on prompt B too.
  const canFlip = b !== null && edits.mode !== 'removed' && names.length > 0;
  return { kind: 'expects', text: canFlip ? [...start, ...text.flipGives(names, salient)] : start };
}

/** Null where no edit changed. */
function changed(before: Snapshot, after: Snapshot, headWidth: number): Summary | null {
  const was = before.result.edits;
  const is = after.result.edits;
  if (was.mode !== is.mode) return { kind: 'mode', text: [...text.mode(is.mode), ...effect(before, after, true)] };
  if (was.flip !== is.flip) return flipSummary(before, after);
  const nodes = [...new Set([...changedNodes(was), ...changedNodes(is)])].filter(
    (node) => JSON.stringify(changeOf(was, node)) !== JSON.stringify(changeOf(is, node)));
  if (nodes.length === 1) return { kind: 'node', text: [...nodeText(before, after, nodes[0]!, headWidth), ...effect(before, after, false)] };
  if (nodes.length > 1) return { kind: 'nodes', text: [...text.nodesChanged(nodes.length), ...effect(before, after, false)] };
  return null;
}

function flipSummary(before: Snapshot, after: Snapshot): Summary {
  const names = flipNames(after);
  const { mode, flip } = after.result.edits;
  const end = effect(before, after, false);
  // Held at their means in the run on prompt B too.
  if (mode === 'removed') return { kind: 'flip-held', text: [...text.flipHeld(names), ...end] };
  if (!flip) return { kind: 'flip-back', text: [...text.flippedBack(names), ...end] };
  const [first] = after.task.circuit.flipNodes;
  return { kind: 'flip', text: [...text.flipped(names, salience(after), first === undefined ? null : moved(before, after, first)), ...end] };
}

function nodeText(before: Snapshot, after: Snapshot, node: NodeId, headWidth: number): RichText {
  const info = findNode(after.task.circuit, node, headWidth);
  const name = info ? longName(info) : node;
  const change = changeOf(after.result.edits, node);
  const way = moved(before, after, node);
  switch (change?.kind) {
    case 'off':
      return text.off(name, after.task.circuit.nodes.find((one) => one.node === node)?.mean, way);
    case 'set':
      return text.set(name, change.value);
    case 'scale':
      return text.scaled(name, change.factor, way);
    case 'patch':
      return text.patched(name, way);
    case undefined:
      return flips(after, node) ? text.flippedAgain(name, way) : text.ownAgain(name, way);
  }
}

/** The value of a node before and after, at the token at which the graph reads it. */
function moved(before: Snapshot, after: Snapshot, node: NodeId): Moved {
  const from = flowOf(before).value.get(node);
  const to = flowOf(after).value.get(node);
  return from === undefined || to === undefined ? null : { from, to };
}

/** What the change did to the two candidates. */
function effect(before: Snapshot, after: Snapshot, start: boolean): RichText {
  const [from, to] = [before.result.view.p, after.result.view.p];
  const risen: 0 | 1 = to[0] > from[0] ? 0 : 1;
  const { candidates } = after.task;
  if (percent(from[risen]) === percent(to[risen])) return text.unchanged(candidates[winner(after)], to[winner(after)], start);
  return text.rose(candidates[risen], from[risen], to[risen]);
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

/** In what the two prompts differ, where one short piece of text tells it. */
function salience(snapshot: Snapshot): Contrast | null {
  const { a, b } = snapshot.result;
  return b && contrast(a, b);
}
