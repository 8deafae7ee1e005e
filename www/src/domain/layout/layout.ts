/**
 * Where everything of the graph stands: a pure function of the circuit and the room. Layers go left to right; residual channels are
 * lanes, one height for the whole width; reads and writes are squares on them, neurons and q/k/v channels circles off them.
 */
import type { CircuitInfo, NodeId, NodeInfo, ResidualLane } from '../../engine/protocol';
import { isResidual } from '../nodes';
import { blocksOf, columnOf, type Block, type Column } from './columns';
import { groupNodes, type Group } from './group';
import { orderLanes, type Unit } from './order';
import { assignSlots, spread } from './spread';

export interface Room {
  width: number;
  height: number;
  /** On a phone: smaller glyphs, no channel names. */
  compact: boolean;
  /** The most characters that fit into the chips of the candidates and of the marked token. */
  chipChars: number;
}

export interface PlacedNode {
  info: NodeInfo;
  x: number;
  y: number;
  /** Radius of a circle, half the side of a square. */
  half: number;
  shape: 'circle' | 'square';
  /** Height of the pointer target above and below the middle, in pixels. Targets in a column do not overlap. */
  reach: number;
  /** Which texts are drawn at the node, and the largest width of its name in pixels. */
  words: 'all' | 'value' | 'none';
  span: number;
  /** Whether a short name fits before the value. */
  roomy: boolean;
  /** Pixels from its lower edge to the next glyph in its column. */
  below: number;
}

export interface PlacedGroup extends Group {
  x: number;
  y: number;
}

export interface PlacedEdge {
  from: NodeId;
  to: NodeId;
  weight: number;
  /** Start, the head's gate (value nodes only), and end. */
  points: [number, number][];
}

export interface PlacedLane {
  lane: ResidualLane;
  y: number;
  x0: number;
  x1: number;
  /** From the first write (or the embedding) to the last read (or the logits), in pixels. */
  used: [number, number] | null;
  /** Whether the circuit reads the embedding in this channel. */
  embedded: boolean;
}

export interface PlacedHead {
  layer: number;
  head: number;
  x: number;
  y: number;
  width: number;
  height: number;
  /** The query and key nodes of this head. */
  inputs: NodeId[];
  /** The gates of its value nodes: where attention multiplies the value (drawn as ×). */
  gates: { node: NodeId; x: number; y: number }[];
}

export interface PlacedBlock {
  layer: number;
  part: 'attn' | 'mlp';
  x0: number;
  x1: number;
  heads: number[];
}

export interface Layout {
  chipChars: number;
  /** Distance between columns. */
  step: number;
  /** Whether there are many lanes close together. Then there is less text, and lines are thinner. */
  crowded: boolean;
  width: number;
  height: number;
  top: number;
  bottom: number;
  blocks: PlacedBlock[];
  columns: (Column & { x: number })[];
  lanes: PlacedLane[];
  nodes: PlacedNode[];
  groups: PlacedGroup[];
  edges: PlacedEdge[];
  heads: PlacedHead[];
  /** Centre and size of the marked token's chip and of the candidates' chips. */
  embed: { x: number; y: number; width: number; height: number };
  logits: { x: number; y: number; width: number; height: number }[];
}

/** The smallest and the largest distance between columns. Below the smallest the graph scrolls sideways. */
const NARROWEST = { wide: 38, compact: 14 };
const WIDEST = 150;

export function layout(circuit: CircuitInfo, room: Room, inactive: ReadonlySet<NodeId> = new Set(), expanded: ReadonlySet<string> = new Set()): Layout {
  const { nodes, groups } = groupNodes(circuit, inactive, expanded);
  const blocks = blocksOf([...nodes, ...groups], circuit.edges);
  const lanes = lanesOf(circuit, nodes);
  const crowded = lanes.length > CROWDED;
  const across = acrossOf(blocks, room, crowded);
  const units = nodes.filter((info) => !isResidual(info.site));
  const order = orderOf(circuit, nodes, () => orderLanes(lanes.length, units.map((info) => unitOf(info, circuit, lanes, blocks))));
  const down = downOf(blocks, units, groups, lanes.length, across.step, room);

  const laneY = new Array<number>(lanes.length);
  order.forEach((lane, place) => (laneY[lane] = down.y0 + place * down.gap));
  const x = (column: string) => across.x.get(column) ?? 0;

  const placed = new Map<NodeId, PlacedNode>();
  for (const info of nodes.filter((node) => isResidual(node.site))) {
    const lane = lanes.findIndex((other) => other.channel === info.index);
    placed.set(info.node, {
      info, x: x(columnOf(info.layer, info.site)), y: laneY[lane] ?? down.y0, half: down.half, shape: 'square', reach: 0, words: 'none', span: 0, roomy: false, below: 0,
    });
  }
  for (const column of across.columns.filter((one) => one.kind === 'unit')) {
    const inside = units.filter((info) => columnOf(info.layer, info.site) === column.key);
    const wanted = inside.map((info) => wantedY(info, circuit, placed, inside, down));
    const ys = offLanes(wanted, laneY, down);
    inside.forEach((info, index) => {
      const y = ys[index]!;
      placed.set(info.node, { info, x: column.x, y, half: down.radius, shape: 'circle', reach: 0, words: 'none', span: 0, roomy: false, below: 0 });
    });
  }
  nameNodes(placed, across.step, room.compact, crowded && down.gap < ROOMY ? new Set(circuit.flipNodes) : null);

  const heads = headsOf(nodes, circuit, placed, across, down, room);
  const gates = new Map(heads.flatMap((head) => head.gates.map((gate) => [gate.node, gate] as const)));
  const edges: PlacedEdge[] = [];
  for (const edge of circuit.edges) {
    const from = placed.get(edge.from);
    const to = placed.get(edge.to);
    if (!from || !to) continue;
    const gate = gates.get(edge.from);
    const points: [number, number][] = [[from.x + from.half, from.y]];
    if (gate && to.x > gate.x) points.push([gate.x, gate.y]);
    points.push([to.x - to.half, to.y]);
    edges.push({ ...edge, points });
  }

  const ends = endsOf(lanes, laneY, across, down, room);
  return {
    chipChars: room.chipChars,
    step: across.step,
    crowded,
    width: across.width,
    height: down.height,
    top: down.top,
    bottom: down.bottom,
    blocks: across.blocks.map((block) => ({ ...block, heads: [...new Set(heads.filter((head) => head.layer === block.layer && block.part === 'attn').map((head) => head.head))] })),
    columns: across.columns,
    lanes: lanes.map((lane, index) => placeLane(lane, laneY[index]!, placed, across)),
    nodes: [...placed.values()],
    groups: groups.map((group) => ({ ...group, x: x(columnOf(group.layer, group.site)), y: down.bottom - 14 })),
    edges,
    heads,
    ...ends,
  };
}

/** The order of lanes does not depend on the size, so it is cached for each circuit and set of drawn nodes. */
const orders = new WeakMap<CircuitInfo, Map<string, number[]>>();

function orderOf(circuit: CircuitInfo, nodes: NodeInfo[], find: () => number[]): number[] {
  const known = orders.get(circuit) ?? new Map<string, number[]>();
  orders.set(circuit, known);
  const key = nodes.map((info) => info.node).join();
  const order = known.get(key) ?? find();
  known.set(key, order);
  return order;
}

/** The lanes that have a drawn square. */
function lanesOf(circuit: CircuitInfo, nodes: NodeInfo[]): ResidualLane[] {
  const used = new Set(nodes.filter((info) => isResidual(info.site)).map((info) => info.index));
  return circuit.lanes.filter((lane) => used.has(lane.channel));
}

function unitOf(info: NodeInfo, circuit: CircuitInfo, lanes: ResidualLane[], blocks: Block[]): Unit {
  const laneOf = (node: NodeId) => {
    const end = circuit.nodes.find((other) => other.node === node);
    return end && isResidual(end.site) ? lanes.findIndex((lane) => lane.channel === end.index) : -1;
  };
  const key = columnOf(info.layer, info.site);
  return {
    left: circuit.edges.filter((edge) => edge.to === info.node).map((edge) => laneOf(edge.from)).filter((lane) => lane >= 0),
    right: circuit.edges.filter((edge) => edge.from === info.node).map((edge) => laneOf(edge.to)).filter((lane) => lane >= 0),
    column: blocks.flatMap((block) => block.columns).findIndex((column) => column.key === key),
    vertical: info.site === 'attn.q' || info.site === 'attn.k' ? -1 : info.site === 'attn.v' ? 1 : 0,
  };
}

interface Across {
  width: number;
  step: number;
  x: Map<string, number>;
  columns: (Column & { x: number })[];
  blocks: { layer: number; part: 'attn' | 'mlp'; x0: number; x1: number }[];
  lane0: number;
  lane1: number;
  chip: number;
}

function acrossOf(blocks: Block[], room: Room, crowded: boolean): Across {
  const { compact } = room;
  const chip = Math.max(compact ? 30 : 46, room.chipChars * (compact ? 7 : 7.6) + (compact ? 10 : 18));
  const left = compact ? chip + 20 : chip + (crowded ? 76 : 92);
  const right = compact ? chip + 28 : chip + 60;
  const steps = blocks.reduce((sum, block) => block.columns.slice(1).reduce((inner, column) => inner + column.step, sum), 0);
  const gaps = Math.max(0, blocks.length - 1);
  const narrowest = compact ? NARROWEST.compact : NARROWEST.wide;
  // Leave space for lane names between blocks, if there is any.
  const free = room.width - left - right;
  const gapOf = (step: number) => (compact ? 10 : Math.max(14, Math.min(64, step * 0.55)));
  const padOf = (step: number) => Math.max(compact ? 10 : 20, step * 0.42);
  const gapsAndPadding = (step: number) => gaps * gapOf(step) + 2 * blocks.length * padOf(step);
  // Find the widest step that fits with its gaps and padding.
  let [step, most] = [narrowest, WIDEST];
  for (let round = 0; round < 20; round++) {
    const middle = (step + most) / 2;
    if (steps * middle + gapsAndPadding(middle) <= free) step = middle;
    else most = middle;
  }
  const gap = gapOf(step);
  const pad = padOf(step);
  const content = steps * step + gapsAndPadding(step);
  const width = Math.max(room.width, Math.floor(left + content + right));
  // Centre a narrow graph. Its lanes still use the full width.
  let at = left + Math.max(0, (width - left - right - content) / 2);
  const x = new Map<string, number>();
  const columns: (Column & { x: number })[] = [];
  const placedBlocks: Across['blocks'] = [];
  for (const block of blocks) {
    const x0 = at;
    at += pad;
    block.columns.forEach((column, index) => {
      if (index > 0) at += column.step * step;
      x.set(column.key, at);
      columns.push({ ...column, x: at });
    });
    at += pad;
    placedBlocks.push({ layer: block.layer, part: block.part, x0, x1: at });
    at += gap;
  }
  return { width, step, x, columns, blocks: placedBlocks, lane0: compact ? chip + 12 : chip + (crowded ? 44 : 54), lane1: width - right + (compact ? 4 : 14), chip };
}

interface Down {
  height: number;
  top: number;
  bottom: number;
  /** y of the first lane, and the distance between lanes, in pixels. */
  y0: number;
  gap: number;
  radius: number;
  half: number;
}

/** Pixels between two circles with a name and a number between them. */
const NAMED = 18.5;

function downOf(blocks: Block[], units: NodeInfo[], groups: Group[], lanes: number, step: number, room: Room): Down {
  const { compact } = room;
  const crowd = Math.max(1, ...blocks.flatMap((block) => block.columns.filter((column) => column.kind === 'unit').map(
    (column) => units.filter((info) => columnOf(info.layer, info.site) === column.key).length)));
  const top = compact ? 36 : 40;
  const footer = compact ? 8 : 30;
  const crowded = lanes > CROWDED;
  const tight = room.height - top - footer - 112 < (lanes - 1) * 16;
  const above = compact ? 32 : tight ? 28 : crowded ? 42 : 46;
  const below = (compact ? 32 : tight ? 28 : crowded ? 44 : 52) + (groups.length === 0 ? 0 : tight || compact ? 26 : 8);
  // One circle above the first lane, one below the last, the others between.
  const perGap = Math.max(1, Math.ceil((crowd - 2) / Math.max(1, lanes - 1)));
  const rows = crowded ? (compact ? 16 : 9) : compact ? 26 : 30;
  const least = perGap === 1 ? rows : (perGap + 1) * 20;
  const inner = Math.max(room.height - top - footer - above - below, lanes > 1 ? (lanes - 1) * least : crowd * 30);
  const gap = lanes > 1 ? Math.min(inner / (lanes - 1), compact ? 90 : 110) : 0;
  const used = gap * (lanes - 1);
  const apart = lanes > 1 ? (perGap === 1 ? gap : gap / (perGap + 1)) : 30;
  // With close lanes, a circle may cover a lane but not another circle.
  const alone = gap > 0 && gap < CLOSE && perGap === 1 ? (used + 24) / crowd / 2 - gap / 2 - 4 : apart / 2 - 2;
  const radius = Math.max(8, Math.min(compact ? 11 : gap < CLOSE ? 13 : Math.max(8.5, Math.min(16, (gap - NAMED) / 2)), step * 0.24, alone));
  return {
    height: inner + top + footer + above + below,
    top,
    bottom: inner + top + above + below,
    y0: top + above + (inner - used) / 2,
    gap,
    radius,
    half: Math.max(5, Math.min(radius * 0.7, lanes > 1 ? gap * (crowded ? 0.45 : 0.38) : 12)),
  };
}

/** With more lanes than CROWDED, lanes are closer together. Below the distance CLOSE, circles are wider than the space between two lanes. From ROOMY on, every square has room for its value. */
const CROWDED = 11;
const CLOSE = 34;
const ROOMY = 38;

/** The y of circles: near the wanted y, between lanes, without overlap, and with space for text if possible. */
function offLanes(wanted: number[], laneY: number[], down: Down): number[] {
  const ys = [...laneY].sort((left, right) => left - right);
  if (ys.length > 1 && down.gap < CLOSE) {
    const lead = Math.min(down.radius + 4, 14);
    const [low, high] = [ys[0]! - lead, ys.at(-1)! + lead];
    const middles = [low, ...ys.slice(1).map((y, index) => (y + ys[index]!) / 2), high];
    for (const words of [20, 12, 3]) {
      const half = down.radius + down.gap / 2 + words;
      if (wanted.length * 2 * half > high - low + 2 * half) continue;
      const free = spread(wanted, wanted.map(() => half), low - half, high + half);
      return free.map((y) => middles.reduce((best, middle) => (Math.abs(middle - y) < Math.abs(best - y) ? middle : best)));
    }
  }
  const slots = slotsOf(laneY, down, wanted.length);
  return assignSlots(wanted, slots).map((slot) => slots[slot]!);
}

/** The y values between lanes where circles may be placed, from top to bottom: at least `count`. */
function slotsOf(laneY: number[], down: Down, count: number): number[] {
  const ys = [...laneY].sort((left, right) => left - right);
  const lead = down.radius + 8;
  if (ys.length < 2) {
    const middle = ys[0] ?? down.y0;
    const far = Math.ceil(count / 2);
    const steps = Array.from({ length: far }, (_, index) => lead + index * (2 * down.radius + 6));
    return [...steps.map((step) => middle - step).reverse(), ...steps.map((step) => middle + step)];
  }
  const each = Math.max(1, Math.ceil((count - 2) / (ys.length - 1)));
  const slots = [ys[0]! - lead];
  for (let index = 1; index < ys.length; index++) {
    const [from, to] = [ys[index - 1]!, ys[index]!];
    for (let slot = 1; slot <= each; slot++) slots.push(from + ((to - from) * slot) / (each + 1));
  }
  return [...slots, ys.at(-1)! + lead];
}

function wantedY(info: NodeInfo, circuit: CircuitInfo, placed: Map<NodeId, PlacedNode>, column: NodeInfo[], down: Down): number {
  let sum = 0;
  let weight = 0;
  for (const edge of circuit.edges) {
    const other = edge.to === info.node ? placed.get(edge.from) : edge.from === info.node ? placed.get(edge.to) : undefined;
    if (!other || other.shape !== 'square') continue;
    const pull = Math.sqrt(Math.abs(edge.weight)) + 0.1;
    sum += other.y * pull;
    weight += pull;
  }
  const shift = info.site === 'attn.q' ? -0.6 : info.site === 'attn.k' ? -0.3 : info.site === 'attn.v' ? 0.4 : 0;
  if (weight > 0) return sum / weight + shift * Math.max(20, down.gap);
  // A node without inputs (bias only) goes next to the other channels of its head.
  const mates = column.filter((other) => other !== info && other.head === info.head && other.site !== 'attn.v');
  const mate = mates.length > 0 ? wantedY(mates[0]!, circuit, placed, [], down) : (down.top + down.bottom) / 2;
  return mate + (info.site === 'attn.q' ? -1 : 1) * Math.max(20, down.gap);
}

/** Sets the pointer target and the texts of each node: name and value if they fit, else only the value or nothing. Where lanes are close only the squares in `squares` get texts. */
function nameNodes(placed: Map<NodeId, PlacedNode>, step: number, compact: boolean, squares: Set<NodeId> | null): void {
  const columns = new Map<number, PlacedNode[]>();
  for (const node of placed.values()) columns.set(node.x, [...(columns.get(node.x) ?? []), node]);
  const xs = [...columns.keys()].sort((left, right) => left - right);
  for (const column of columns.values()) {
    column.sort((left, right) => left.y - right.y);
    column.forEach((node, index) => {
      const up = index > 0 ? node.y - column[index - 1]!.y : Infinity;
      const downward = index + 1 < column.length ? column[index + 1]!.y - node.y : Infinity;
      const free = Math.min(up, downward) - 2 * node.half;
      node.reach = Math.min(node.half + 8, Math.min(up, downward) / 2);
      node.roomy = step >= 80;
      node.below = downward - 2 * node.half;
      const beside = [-1, 1].map((side) => xs[xs.indexOf(node.x) + side]).filter((x) => x !== undefined);
      node.span = 2 * Math.min(120, ...beside.map((x) => Math.abs(x - node.x) - overlapWithName(node, columns.get(x)!)));
      if (compact) node.words = free >= 30 && step >= 40 ? 'all' : 'none';
      else node.words = free >= 36 && step >= (node.shape === 'circle' ? 44 : 62) ? 'all' : free >= 18 && step >= 40 ? 'value' : 'none';
      // The text is below the square, so only the space there counts. The drawing leaves it out where it does not fit.
      if (squares && node.shape === 'square') node.words = squares.has(node.info.node) && !compact ? 'value' : 'none';
    });
  }
}

/** How far the glyphs of a neighbouring column extend into the line of a node's name, in pixels. */
function overlapWithName(node: PlacedNode, column: PlacedNode[]): number {
  const line = node.y - node.half - 10;
  const near = column.filter((other) => Math.abs(other.y - line) < other.half + 8);
  return near.length > 0 ? Math.max(...near.map((other) => other.half)) + 3 : 0;
}

function headsOf(nodes: NodeInfo[], circuit: CircuitInfo, placed: Map<NodeId, PlacedNode>, across: Across, down: Down, room: Room): PlacedHead[] {
  const result: PlacedHead[] = [];
  // If columns are close together, the box of a head has no caption.
  const [width, height] = room.compact ? [Math.min(42, across.step * 0.95), 30] : [Math.max(40, Math.min(88, across.step * 0.88)), 46];
  for (const column of across.columns.filter((one) => one.kind === 'gate')) {
    const layer = Number(column.key.split('.')[0]);
    const inLayer = nodes.filter((info) => info.layer === layer && info.head !== undefined);
    const numbers = [...new Set(inLayer.map((info) => info.head!))].sort((left, right) => left - right);
    const wanted: number[] = [];
    const halves: number[] = [];
    const put: ((y: number) => void)[] = [];
    const y = (node: NodeId) => placed.get(node)?.y ?? down.y0;
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    for (const head of numbers) {
      const own = inLayer.filter((info) => info.head === head);
      const inputs = own.filter((info) => info.site !== 'attn.v').map((info) => info.node);
      const values = own.filter((info) => info.site === 'attn.v');
      const placedHead: PlacedHead = { layer, head, x: column.x - width / 2, y: 0, width, height, inputs, gates: [] };
      result.push(placedHead);
      wanted.push(inputs.length > 0 ? mean(inputs.map(y)) : mean(values.map((info) => y(info.node))) - height);
      halves.push(height / 2 + (hasCaption(width) ? 11 : 3));
      put.push((centre) => (placedHead.y = centre - height / 2 - (hasCaption(width) ? 8 : 0)));
      for (const value of values) {
        const gate = { node: value.node, x: column.x, y: 0 };
        placedHead.gates.push(gate);
        const targets = circuit.edges.filter((edge) => edge.from === value.node && placed.has(edge.to)).map((edge) => y(edge.to));
        wanted.push(targets.length > 0 ? (y(value.node) + mean(targets)) / 2 : y(value.node));
        halves.push(11);
        put.push((centre) => (gate.y = centre));
      }
    }
    spread(wanted, halves, down.top + 4, down.bottom - 4).forEach((centre, index) => put[index]!(centre));
  }
  return result;
}

/** Whether a head's box of this width has a caption. */
export function hasCaption(width: number): boolean {
  return width >= 72;
}

function placeLane(lane: ResidualLane, y: number, placed: Map<NodeId, PlacedNode>, across: Across): PlacedLane {
  const xs = (list: NodeId[]) => list.map((node) => placed.get(node)?.x).filter((x): x is number => x !== undefined);
  const writes = xs(lane.writes);
  const reads = xs(lane.reads);
  const embedded = reads.length > 0 && (writes.length === 0 || Math.min(...reads) < Math.min(...writes));
  const start = embedded ? across.lane0 : writes.length > 0 ? Math.min(...writes) : null;
  const toLogits = writes.length > 0 && (lane.toLogits[0] !== 0 || lane.toLogits[1] !== 0);
  const end = toLogits ? across.lane1 : reads.length > 0 ? Math.max(...reads) : null;
  return { lane, y, x0: across.lane0, x1: across.lane1, used: start !== null && end !== null && end > start ? [start, end] : null, embedded };
}

function endsOf(lanes: ResidualLane[], laneY: number[], across: Across, down: Down, room: Room): Pick<Layout, 'embed' | 'logits'> {
  const mean = (values: number[]) => (values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : (down.top + down.bottom) / 2);
  const height = room.compact ? 24 : 30;
  const written = lanes.map((lane, index) => ({ lane, y: laneY[index]! })).filter(({ lane }) => lane.writes.length > 0 && (lane.toLogits[0] !== 0 || lane.toLogits[1] !== 0));
  const apart = room.compact ? 36 : 62;
  const least = down.top + apart + height / 2 + 4;
  // Stay within the part that is visible without scrolling.
  const seen = room.compact ? down.height : Math.min(down.height, room.height);
  const most = seen - apart - height / 2 - (room.compact ? 4 : 46);
  const centre = Math.max(least, Math.min(most, mean(written.map(({ y }) => y))));
  const x = across.width - across.chip / 2 - (room.compact ? 1 : 8);
  const read = lanes.map((lane, index) => ({ lane, y: laneY[index]! })).filter(({ lane }) => lane.reads.length > 0);
  return {
    embed: { x: across.chip / 2 + (room.compact ? 1 : 8), y: Math.min(seen - height - 20, mean(read.map(({ y }) => y))), width: across.chip, height },
    logits: [-1, 1].map((side) => ({ x, y: centre + side * apart, width: across.chip, height })),
  };
}
