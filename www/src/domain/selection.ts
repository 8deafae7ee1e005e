/** What is open in the panel: a node, the logit of a candidate, the attention pattern of a head, or the embedding. Links write it as `node=`. */
import type { Target } from '../engine/protocol';
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

/** Whether this is a selection at all; whether a node exists is known to the model. */
export function isSpecial(selection: Selection): boolean {
  return selection === EMBEDDING || selectedHead(selection) !== null || selectedLogit(selection) !== null;
}

/** What a run must compute for the panel. */
export function wanted(selection: Selection | null): { target: Target | null; head: [number, number] | null } {
  const target = selection !== null && (parseNode(selection) || selectedLogit(selection) !== null) ? selection : null;
  return { target, head: selectedHead(selection) };
}
