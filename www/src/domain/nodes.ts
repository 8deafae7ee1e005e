/** The grammar of node names, `LAYER.SITE.INDEX`, and the position that a name encodes. */
import { SITES, type CircuitInfo, type NodeId, type NodeInfo, type SiteName } from '../engine/protocol.gen';

export interface NodeAddress {
  hook: string;
  layer: number;
  site: SiteName;
  index: number;
}

/** Decimal numbers without leading zeros, so that a node has one name. */
const NUMBER = '(0|[1-9]\\d{0,8})';
const NODE = new RegExp(`^${NUMBER}\\.(${SITES.map((site) => site.replace('.', '\\.')).join('|')})\\.${NUMBER}$`);

/** Parses `0.mlp.post_act.863`; null if the text is not a node name. The engine reads names in the same way (`src/model/hook.rs`). */
export function parseNode(text: string): NodeAddress | null {
  const match = NODE.exec(text);
  if (!match) return null;
  const [, layer, site, index] = match as unknown as [string, string, SiteName, string];
  return { hook: `${layer}.${site}`, layer: Number(layer), site, index: Number(index) };
}

/** The name of a node as the engine writes it: `0.attn.q.007` becomes `0.attn.q.7`. Null where the text is not a node's name. */
export function canonicalNode(text: string): NodeId | null {
  const plain = text.replace(/(^|\.)0+(?=\d)/g, '$1');
  return parseNode(plain) && plain;
}

/** The hook of a node, `0.mlp.post_act`. */
export function hookOf(node: NodeId): string {
  return node.slice(0, node.lastIndexOf('.'));
}

/** Whether a site's index counts channels of the residual stream: what a sublayer reads or writes. */
export function isResidual(site: SiteName): boolean {
  return isRead(site) || isWrite(site);
}

/** Whether nodes of this site are what a sublayer adds to the residual stream. */
export function isWrite(site: SiteName): boolean {
  return site.endsWith('resid_delta');
}

/** Whether nodes of this site are what a sublayer reads from the residual stream. */
export function isRead(site: SiteName): boolean {
  return site.endsWith('act_in');
}

/** Whether nodes of this site are channels of an attention head. */
export function isOfHead(site: SiteName): boolean {
  return /^attn\.[qkv]$/.test(site);
}

/** The position that a node's name encodes. */
export type NodePlace = Pick<NodeInfo, 'site' | 'index' | 'head' | 'channel' | 'layer'>;

/** The place of a node that may be outside the circuit. */
export function placeOfAddress(address: NodeAddress, headWidth: number): NodePlace {
  const { site, index, layer } = address;
  if (!isOfHead(site) || headWidth < 1) return { site, index, layer };
  return { site, index, layer, head: Math.floor(index / headWidth), channel: index % headWidth };
}

/** Finds a node by name: the circuit's own entry, else the position that the name encodes; null if the text is not a node name. */
export function findNode(circuit: CircuitInfo, node: NodeId, headWidth: number): (NodePlace & Pick<NodeInfo, 'label'>) | null {
  const listed = circuit.nodes.find((info) => info.node === node);
  if (listed) return listed;
  const address = parseNode(node);
  return address && placeOfAddress(address, headWidth);
}
