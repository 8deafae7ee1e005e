/** What is open in the panel: a node, an edge, the logit of a candidate, the attention pattern of a head, or the embedding. Links write it as `node=`. */
import type { Target } from '../engine/protocol';
import { parseEdge } from './edges';
import { parseNode } from './nodes';

export type Selection = string;

export const EMBEDDING = 'embedding';

export function headSelection(layer: number, head: number): Selection {
  return `head.${layer}.${head}`;
}

export function selectedHead(selection: Selection | null): [number, number] | null {
  const match = /^head\.(\d{1,3})\.(\d{1,3})$/.exec(selection ?? '');
  return match ? [Number(match[1]), Number(match[2])] : null;
}

/** The candidate whose logit is open; null for another selection. */
export function selectedLogit(selection: Selection | null): 0 | 1 | null {
  return selection === 'logit.0' ? 0 : selection === 'logit.1' ? 1 : null;
}

/** The ends of the edge that is open; null for another selection. */
export const selectedEdge = (selection: Selection | null) => parseEdge(selection ?? '');

/** Whether this is a selection at all; whether a node exists is known to the model. */
export function isSpecial(selection: Selection): boolean {
  return selection === EMBEDDING || selectedHead(selection) !== null || selectedLogit(selection) !== null || selectedEdge(selection) !== null;
}

/** What a run must compute for the panel. */
export function wanted(selection: Selection | null): { target: Target | null; head: [number, number] | null } {
  // An edge is a term of its target.
  const read = selectedEdge(selection)?.to ?? selection;
  const target = read !== null && (parseNode(read) || selectedLogit(read) !== null) ? read : null;
  return { target, head: selectedHead(selection) };
}
