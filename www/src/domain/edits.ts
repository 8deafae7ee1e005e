/** The changes of one run: of single nodes and edges, of the mode, and Flip. */
import type { Edits, Mode, NodeId } from '../engine/protocol';

/** A change of one node, made in its panel. A node has at most one. */
export type Change = { kind: 'off' } | { kind: 'set'; value: number } | { kind: 'scale'; factor: number } | { kind: 'patch' };

/** Largest magnitude that a node can be set to or scaled by. Above it, f32 sums lose precision. */
export const LIMIT = 1000;

export function noEdits(mode: Mode): Edits {
  return { mode, off: [], set: {}, scale: {}, patch: [], flip: false, offEdges: [] };
}

/** The change that the panel shows for a node: the last one in the engine's order of application that has an effect. */
export function changeOf(edits: Edits, node: NodeId): Change | null {
  if (edits.off.includes(node)) return { kind: 'off' };
  const value = edits.set[node];
  if (value !== undefined) return { kind: 'set', value };
  const factor = edits.scale[node];
  if (factor !== undefined) return { kind: 'scale', factor };
  return edits.patch.includes(node) ? { kind: 'patch' } : null;
}

/** Whether Flip has an effect. In the mode `removed` it has none: the flip nodes are at their means on both prompts. */
export function flipActs(edits: Edits): boolean {
  return edits.flip && edits.mode !== 'removed';
}

/** The nodes that the user has changed. Flip does not count. */
export function changedNodes(edits: Edits): NodeId[] {
  return [...new Set([...edits.off, ...edits.patch, ...Object.keys(edits.set), ...Object.keys(edits.scale)])];
}

/** Whether a node or an edge is changed. Flip and the mode do not count. */
export function hasChanges(edits: Edits): boolean {
  return edits.offEdges.length > 0 || changedNodes(edits).length > 0;
}

/** A number that a node can be set to or scaled by; 0 if the input is not a finite number. */
export function clampChange(value: number): number {
  if (!Number.isFinite(value)) return 0;
  return Math.max(-LIMIT, Math.min(LIMIT, value));
}
