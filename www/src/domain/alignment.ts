/**
 * At which token a part of a circuit is read. The answer is given at the last token, but the part that found the telling bracket or
 * quote did its work there. So, unless the user picks a token: what reaches the answer through an attention's keys and values is read
 * at the marked token (where prompts A and B differ), everything after the last attention at the last token.
 */
import type { CircuitInfo, NodeId, Prompt } from '../engine/protocol';

/** The last token of `a` that differs from its partner in `b`, both counted from the end; the last token where none does. */
export function markedToken(a: Prompt, b: Prompt | null): number {
  const last = Math.max(0, a.tokens.length - 1);
  if (!b) return last;
  for (let back = 0; back < a.tokens.length && back < b.tokens.length; back++) {
    const at = a.tokens.length - 1 - back;
    if (a.tokens[at]!.id !== b.tokens[b.tokens.length - 1 - back]!.id) return at;
  }
  // A is B with something in front of it, or the other way round.
  const extra = a.tokens.length - b.tokens.length;
  return extra > 0 ? extra - 1 : 0 < last && extra < 0 ? 0 : last;
}

/** The nodes that are read at the marked token: those that reach the answer through a key or a value. */
export function readBefore(circuit: CircuitInfo): Set<NodeId> {
  const into = new Map<NodeId, NodeId[]>();
  const add = (to: NodeId, from: NodeId) => {
    const list = into.get(to);
    if (list) list.push(from);
    else into.set(to, [from]);
  };
  for (const edge of circuit.edges) add(edge.to, edge.from);
  for (const lane of circuit.lanes) {
    const order = new Map(circuit.nodes.map((info) => [info.node, rank(info.layer, info.site)]));
    for (const read of lane.reads) {
      for (const write of lane.writes) {
        if ((order.get(write) ?? 0) < (order.get(read) ?? 0)) add(read, write);
      }
    }
  }
  const before = new Set<NodeId>();
  const visit = (node: NodeId) => {
    if (before.has(node)) return;
    before.add(node);
    for (const from of into.get(node) ?? []) visit(from);
  };
  for (const info of circuit.nodes) if (info.site === 'attn.v' || info.site === 'attn.k') visit(info.node);
  return before;
}

const befores = new WeakMap<CircuitInfo, Set<NodeId>>();

/** Nodes read at the marked token, found once a circuit. */
export function beforeOf(circuit: CircuitInfo): Set<NodeId> {
  const known = befores.get(circuit) ?? readBefore(circuit);
  befores.set(circuit, known);
  return known;
}

/** Where a node's value is read; `picked` is the user's own choice. */
export function tokenFor(node: NodeId, before: Set<NodeId>, a: Prompt, b: Prompt | null, picked: number | null): number {
  const last = Math.max(0, a.tokens.length - 1);
  if (picked !== null) return Math.min(picked, last);
  return before.has(node) ? markedToken(a, b) : last;
}

const SITES = ['attn.act_in', 'attn.q', 'attn.k', 'attn.v', 'attn.resid_delta', 'mlp.act_in', 'mlp.post_act', 'mlp.resid_delta'];

/** Place in the order of the forward pass. */
export function rank(layer: number, site: string): number {
  return layer * SITES.length + SITES.indexOf(site);
}
