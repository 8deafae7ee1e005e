/** Decides which nodes are drawn and which are collapsed into a count, so that the graph stays readable. */
import type { CircuitInfo, NodeId, NodeInfo, SiteName } from '../../engine/protocol';
import { hookOf } from '../nodes';

/** The most nodes drawn per layer, and the most nodes drawn in total even if groups are expanded. */
export const PER_LAYER = 30;
export const MAX_NODES = 200;

export interface Group {
  /** The hook whose nodes these are, `0.mlp.post_act`. */
  id: string;
  layer: number;
  site: SiteName;
  members: NodeInfo[];
}

export interface Grouping {
  nodes: NodeInfo[];
  groups: Group[];
}

/**
 * Splits a circuit's nodes: `inactive` ones are grouped by hook, and of a layer that is still crowded all but the strongest (by the sum
 * of their weights' magnitudes). A hook in `expanded` shows all of its own.
 */
export function groupNodes(circuit: CircuitInfo, inactive: ReadonlySet<NodeId>, expanded: ReadonlySet<string>): Grouping {
  const strength = new Map<NodeId, number>();
  for (const edge of circuit.edges) {
    for (const end of [edge.from, edge.to]) strength.set(end, (strength.get(end) ?? 0) + Math.abs(edge.weight));
  }
  const flip = new Set(circuit.flipNodes);
  const weight = (info: NodeInfo) => (flip.has(info.node) ? Infinity : (strength.get(info.node) ?? 0));
  const ranked = [...circuit.nodes].sort((left, right) => compare(weight(right), weight(left)) || (left.node < right.node ? -1 : 1));

  const inLayer = new Map<number, number>();
  const folded = (info: NodeInfo) => inactive.has(info.node) && !expanded.has(hookOf(info.node));
  for (const info of circuit.nodes) if (!folded(info)) inLayer.set(info.layer, (inLayer.get(info.layer) ?? 0) + 1);
  const shownInLayer = new Map<number, number>();
  const kept = new Set<NodeId>();
  for (const info of ranked) {
    const crowded = (inLayer.get(info.layer) ?? 0) > PER_LAYER;
    const shown = shownInLayer.get(info.layer) ?? 0;
    const open = expanded.has(hookOf(info.node));
    if (folded(info) || kept.size >= MAX_NODES || (crowded && !open && shown >= PER_LAYER)) continue;
    if (!open) shownInLayer.set(info.layer, shown + 1);
    kept.add(info.node);
  }
  const groups = new Map<string, Group>();
  for (const info of circuit.nodes) {
    if (kept.has(info.node)) continue;
    const id = hookOf(info.node);
    const group = groups.get(id) ?? { id, layer: info.layer, site: info.site, members: [] };
    group.members.push(info);
    groups.set(id, group);
  }
  return { nodes: circuit.nodes.filter((info) => kept.has(info.node)), groups: [...groups.values()] };
}

function compare(left: number, right: number): number {
  return left === right ? 0 : left - right;
}
