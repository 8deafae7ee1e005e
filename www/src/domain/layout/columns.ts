/** The columns of the graph from left to right: one per hook, grouped in blocks (the attention or the MLP of a layer). */
import type { NodeInfo, SiteName } from '../../engine/protocol';
import { isOfHead, parseNode } from '../nodes';

export type ColumnKind = 'read' | 'unit' | 'gate' | 'write';

export interface Column {
  /** `0.attn.act_in`; queries, keys and values share `0.attn.qkv`; `0.attn.gate` holds attention patterns. */
  key: string;
  kind: ColumnKind;
  /** The hooks that its nodes belong to. */
  hooks: string;
  /** Distance from the previous column, in units of `Layout.step`. */
  step: number;
}

export interface Block {
  layer: number;
  part: 'attn' | 'mlp';
  columns: Column[];
}

/** The key of a node's column. */
export function columnOf(layer: number, site: SiteName): string {
  return isOfHead(site) ? `${layer}.attn.qkv` : `${layer}.${site}`;
}

/** The blocks and columns of a circuit, in the order of the forward pass, without empty blocks. */
export function blocksOf(nodes: Pick<NodeInfo, 'layer' | 'site'>[], edges: { to: string }[]): Block[] {
  const into = new Map<string, number>();
  for (const { to } of edges) {
    const address = parseNode(to);
    if (address) into.set(columnOf(address.layer, address.site), (into.get(columnOf(address.layer, address.site)) ?? 0) + 1);
  }
  // A column with many incoming edges needs more distance; otherwise the edges are too steep.
  const wider = (column: Column): Column => ({ ...column, step: column.step * (1 + Math.min(0.9, Math.max(0, (into.get(column.key) ?? 0) - 6) / 20)) });
  const used = new Set(nodes.map((info) => columnOf(info.layer, info.site)));
  const layers = [...new Set(nodes.map((info) => info.layer))].sort((left, right) => left - right);
  const blocks: Block[] = [];
  for (const layer of layers) {
    for (const part of ['attn', 'mlp'] as const) {
      const columns = template(layer, part).filter((column) => used.has(column.key) || (column.kind === 'gate' && used.has(`${layer}.attn.qkv`)));
      if (columns.length > 0) blocks.push({ layer, part, columns: columns.map(wider) });
    }
  }
  return blocks;
}

function template(layer: number, part: 'attn' | 'mlp'): Column[] {
  const column = (name: string, kind: ColumnKind, step: number): Column => ({
    key: `${layer}.${part}.${name}`, kind, step, hooks: `${layer}.${part}.${name === 'qkv' ? 'q, k, v' : name}`,
  });
  return part === 'attn'
    ? [column('act_in', 'read', 1), column('qkv', 'unit', 1), column('gate', 'gate', 0.95), column('resid_delta', 'write', 0.75)]
    : [column('act_in', 'read', 1), column('post_act', 'unit', 1), column('resid_delta', 'write', 1)];
}
