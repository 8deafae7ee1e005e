import { describe, expect, it } from 'vitest';
import type { CircuitInfo, Edge, NodeInfo, ResidualLane, SiteName } from '../../engine/protocol';
import { MAX_NODES, groupNodes, PER_LAYER } from './group';
import { layout, type Layout, type Room } from './layout';

const desk: Room = { width: 884, height: 456, compact: false, chipChars: 2 };
const phone: Room = { width: 374, height: 430, compact: true, chipChars: 2 };

/** A circuit with `edges` random edges over `layers` layers, as the pruner gives them: every node has an edge. */
function random(layers: number, edges: number, seed: number): CircuitInfo {
  let state = seed * 7919 + 1;
  const below = (limit: number) => Math.floor(((state = (state * 16807) % 2147483647) / 2147483647) * limit);
  const nodes = new Map<string, NodeInfo>();
  const add = (layer: number, site: SiteName, index: number) => {
    const node = `${layer}.${site}.${index}`;
    const qkv = /[qkv]$/.test(site);
    nodes.set(node, { node, layer, site, index, mean: 0, ...(qkv ? { head: index >> 4, channel: index & 15 } : {}) });
    return node;
  };
  const list: Edge[] = [];
  const channels = Math.max(3, Math.ceil(edges / 4));
  while (list.length < edges) {
    const layer = below(layers);
    const weight = (below(400) - 200) / 100 || 0.5;
    const pick = below(4);
    if (pick === 0) list.push({ from: add(layer, 'mlp.act_in', below(channels)), to: add(layer, 'mlp.post_act', below(edges)), weight });
    if (pick === 1) list.push({ from: add(layer, 'mlp.post_act', below(edges)), to: add(layer, 'mlp.resid_delta', below(channels)), weight });
    if (pick === 2) list.push({ from: add(layer, 'attn.act_in', below(channels)), to: add(layer, (['attn.q', 'attn.k', 'attn.v'] as const)[below(3)]!, below(48)), weight });
    if (pick === 3) list.push({ from: add(layer, 'attn.v', below(48)), to: add(layer, 'attn.resid_delta', below(channels)), weight });
  }
  const infos = [...nodes.values()];
  const lanes: ResidualLane[] = [...new Set(infos.filter((info) => /act_in|resid_delta/.test(info.site)).map((info) => info.index))].map((channel) => ({
    channel,
    writes: infos.filter((info) => info.site.endsWith('resid_delta') && info.index === channel).map((info) => info.node),
    reads: infos.filter((info) => info.site.endsWith('act_in') && info.index === channel).map((info) => info.node),
    toLogits: [channel % 3, -(channel % 2)],
  }));
  return { nodes: infos, edges: list, lanes, flipNodes: [infos[0]!.node] } as unknown as CircuitInfo;
}

/** Properties of every layout. */
function check(circuit: CircuitInfo, result: Layout, room: Room): void {
  const expectedNodes = groupNodes(circuit, new Set(), new Set()).nodes.length;
  expect(result.nodes.length).toBe(expectedNodes);
  // One `expect` a property: there are thousands of pairs.
  const wrong: string[] = [];
  for (const { info, x, y, half } of result.nodes) {
    if (![x, y, half].every(Number.isFinite)) wrong.push(`${info.node} has no place`);
    if (x - half <= 0 || x + half >= result.width) wrong.push(`${info.node} sticks out sideways`);
    if (y - half < result.top - 1 || y + half > result.height + 1) wrong.push(`${info.node} sticks out`);
  }
  for (const [index, one] of result.nodes.entries()) {
    for (const two of result.nodes.slice(index + 1)) {
      const apart = Math.max(Math.abs(one.x - two.x) - one.half - two.half, Math.abs(one.y - two.y) - one.half - two.half);
      if (apart <= 0) wrong.push(`${one.info.node} and ${two.info.node} overlap`);
    }
  }
  for (const { info, shape, y } of result.nodes) {
    if (shape === 'square' && result.lanes.find((lane) => lane.lane.channel === info.index)?.y !== y) wrong.push(`${info.node} is off its lane`);
    if (shape === 'circle' && result.lanes.some((lane) => Math.abs(lane.y - y) <= 1)) wrong.push(`${info.node} is on a lane`);
  }
  // Left to right, as the forward pass goes.
  for (const { from, points } of result.edges) {
    if (points.some((point, index) => index > 0 && point[0] < points[index - 1]![0] - 1e-6)) wrong.push(`an edge of ${from} goes back`);
  }
  expect(wrong).toEqual([]);
  expect(result.width).toBeGreaterThanOrEqual(room.width);
}

describe('layout', () => {
  it.each([5, 9, 15, 30, 45, 60])('places a circuit of %i edges in two layers', (edges) => {
    for (const room of [desk, phone]) for (let seed = 1; seed < 6; seed++) {
      const circuit = random(2, edges, seed);
      check(circuit, layout(circuit, room), room);
    }
  });
  it.each([3, 4])('places sixty edges over %i layers', (layers) => {
    for (const room of [desk, phone]) {
      const circuit = random(layers, 60, layers);
      check(circuit, layout(circuit, room), room);
    }
  });
  it('fits a small circuit into the available size', () => {
    const circuit = random(2, 12, 2);
    const result = layout(circuit, desk);
    expect(result.width).toBe(desk.width);
    expect(result.height).toBeLessThanOrEqual(desk.height + 1);
  });
  it('shows both candidates and the marked token without scrolling', () => {
    for (const room of [desk, { ...desk, height: 384 }]) for (let seed = 1; seed < 9; seed++) {
      const { embed, logits, width } = layout(random(3, 60, seed), room);
      for (const { y, height } of [embed, ...logits]) expect(y + height / 2).toBeLessThan(room.height);
      expect(logits.every(({ x, width: wide }) => x + wide / 2 <= width)).toBe(true);
    }
  });
  it('is deterministic', () => {
    const circuit = random(3, 40, 9);
    expect(layout(circuit, desk)).toEqual(layout(circuit, desk));
  });
  it('does not fail on an empty circuit', () => {
    const result = layout({ nodes: [], edges: [], lanes: [], flipNodes: [] } as unknown as CircuitInfo, desk);
    expect(result.nodes).toEqual([]);
    expect(result.logits.length).toBe(2);
  });
});

describe('grouping', () => {
  const crowded = random(2, 400, 4);
  it('draws thirty nodes of a layer and collapses the rest', () => {
    const split = groupNodes(crowded, new Set(), new Set());
    for (const layer of [0, 1]) expect(split.nodes.filter((info) => info.layer === layer).length).toBeLessThanOrEqual(PER_LAYER + 1);
    expect(split.nodes.length + split.groups.reduce((sum, group) => sum + group.members.length, 0)).toBe(crowded.nodes.length);
  });
  it('always draws the flip nodes', () => {
    const last = crowded.nodes.at(-1)!.node;
    expect(groupNodes({ ...crowded, flipNodes: [last] }, new Set(), new Set()).nodes.map((info) => info.node)).toContain(last);
  });
  it('expands a group, up to the limit', () => {
    const all = new Set(crowded.nodes.map((info) => `${info.layer}.${info.site}`));
    const split = groupNodes(crowded, new Set(), all);
    expect(split.nodes.length).toBe(Math.min(MAX_NODES, crowded.nodes.length));
    const one = groupNodes(crowded, new Set(), new Set(['0.mlp.post_act']));
    expect(one.groups.some((group) => group.id === '0.mlp.post_act')).toBe(false);
  });
  it('groups inactive nodes by hook, and expands them on demand', () => {
    const circuit = random(2, 30, 6);
    const inactive = new Set(circuit.nodes.filter((info) => info.site === 'attn.act_in').map((info) => info.node));
    const split = groupNodes(circuit, inactive, new Set(['1.attn.act_in']));
    expect(split.groups.map((group) => group.id)).toEqual(['0.attn.act_in']);
    expect(split.nodes.filter((info) => inactive.has(info.node)).every((info) => info.layer === 1)).toBe(true);
    expect(split.nodes.length + split.groups[0]!.members.length).toBe(circuit.nodes.length);
    const folded = layout(circuit, desk, inactive);
    expect(folded.lanes.length).toBeLessThanOrEqual(layout(circuit, desk).lanes.length);
    expect(folded.groups.length).toBe(2);
  });
  it('draws every node of a circuit with sixty edges', () => {
    const circuit = random(4, 60, 8);
    if (circuit.nodes.length <= PER_LAYER) expect(groupNodes(circuit, new Set(), new Set()).groups).toEqual([]);
  });
});
