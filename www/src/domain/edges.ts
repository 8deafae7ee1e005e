/** Edges that can be switched off. Their name is `FROM:TO`; no other selection and no node name has a colon. */
import { SITES, type EdgeId, type NodeId, type SiteName, type Target } from '../engine/protocol.gen';
import { canonicalNode, isRead, isWrite, parseNode, type NodeAddress } from './nodes';

export interface EdgeEnds {
  from: NodeId;
  to: Target;
}

/** Where the weights of a layer lead. */
const WEIGHTS: Partial<Record<SiteName, readonly SiteName[]>> = {
  'attn.act_in': ['attn.q', 'attn.k', 'attn.v'],
  'attn.v': ['attn.resid_delta'],
  'mlp.act_in': ['mlp.post_act'],
  'mlp.post_act': ['mlp.resid_delta'],
};

export function edgeId({ from, to }: EdgeEnds): EdgeId {
  return `${from}:${to}`;
}

/** The ends of an edge that can be switched off; null for another text. The engine has the same rule (`src/circuit/definition/edge.rs`). */
export function parseEdge(text: string): EdgeEnds | null {
  const [first = '', second = '', more] = text.split(':');
  const from = canonicalNode(first);
  if (from === null || more !== undefined) return null;
  const source = parseNode(from)!;
  if (second === 'logit.0' || second === 'logit.1') return isWrite(source.site) ? { from, to: second } : null;
  const to = canonicalNode(second);
  return to !== null && leads(source, parseNode(to)!) ? { from, to } : null;
}

function leads(from: NodeAddress, to: NodeAddress): boolean {
  if (from.layer === to.layer && WEIGHTS[from.site]?.includes(to.site)) return true;
  const later = to.layer > from.layer || (to.layer === from.layer && SITES.indexOf(to.site) > SITES.indexOf(from.site));
  return isWrite(from.site) && isRead(to.site) && from.index === to.index && later;
}
