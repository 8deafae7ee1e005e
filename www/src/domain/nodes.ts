/** The grammar of node names, `LAYER.SITE.INDEX`, and what a name tells about its node. */
import type { CircuitInfo, NodeId, NodeInfo } from '../engine/protocol';

export interface NodeAddress {
  hook: string;
  layer: number;
  site: string;
  index: number;
}

const NODE = /^(\d{1,3})\.(attn\.(?:act_in|q|k|v|resid_delta)|mlp\.(?:act_in|post_act|resid_delta))\.(\d{1,6})$/;

/** Takes `0.mlp.post_act.863` apart; null where it is not a node's name. */
export function parseNode(text: string): NodeAddress | null {
  const match = NODE.exec(text);
  if (!match) return null;
  const [, layer, site, index] = match as unknown as [string, string, string, string];
  return { hook: `${layer}.${site}`, layer: Number(layer), site, index: Number(index) };
}

/** `0.attn.q.007` and `0.attn.q.7` are one node; null where the text is not a node's name. */
export function canonicalNode(text: string): NodeId | null {
  const address = parseNode(text);
  return address && `${address.layer}.${address.site}.${address.index}`;
}

/** The hook of a node, `0.mlp.post_act`. */
export function hookOf(node: NodeId): string {
  return node.slice(0, node.lastIndexOf('.'));
}

/** Whether a site's index counts channels of the residual stream: what a sublayer reads or writes. */
export function isResidual(site: string): boolean {
  return isRead(site) || site.endsWith('resid_delta');
}

/** Whether nodes of this site are what a sublayer reads from the residual stream. */
export function isRead(site: string): boolean {
  return site.endsWith('act_in');
}

/** Whether nodes of this site are channels of an attention head. */
export function isOfHead(site: string): boolean {
  return /^attn\.[qkv]$/.test(site);
}

/** What a node's name tells. */
export type NodePlace = Pick<NodeInfo, 'site' | 'index' | 'head' | 'channel' | 'layer'>;

/** The place of a node that may be outside the circuit. */
export function placeOfAddress(address: NodeAddress, headWidth: number): NodePlace {
  const { site, index, layer } = address;
  if (!isOfHead(site) || headWidth < 1) return { site, index, layer };
  return { site, index, layer, head: Math.floor(index / headWidth), channel: index % headWidth };
}

/** A node by its name: as the circuit lists it, else by what its name tells; null where it is not a node's name. */
export function findNode(circuit: CircuitInfo, node: NodeId, headWidth: number): (NodePlace & Pick<NodeInfo, 'label'>) | null {
  const listed = circuit.nodes.find((info) => info.node === node);
  if (listed) return listed;
  const address = parseNode(node);
  return address && placeOfAddress(address, headWidth);
}
