/** The values of the drawn circuit: the value of each node, the contribution of each edge, and the threshold below which a contribution is drawn grey. */
import type { CircuitInfo, EdgeId, NodeId, RunResult, View } from '../engine/protocol';
import { edgeId } from './edges';

/** The result of a run, with its circuit. */
export interface Run {
  task: { circuit: CircuitInfo };
  result: Pick<RunResult, 'view' | 'edits'>;
}

export interface Flow {
  /** Value of each circuit node, at the token at which it is read. */
  value: Map<NodeId, number>;
  /** Value of each circuit node as it enters an edge, and an edge that is off; null if it is not known. */
  passedOn: Map<NodeId, number | null>;
  passedOff: Map<NodeId, number | null>;
  /** The edges that are off. */
  off: ReadonlySet<EdgeId>;
  at: Map<NodeId, number>;
  /** What the embedding writes to each lane's channel, at the marked token. */
  embedding: Map<number, number>;
  /** Largest |value|: the height of a full node. */
  scale: number;
  /** Contributions smaller than this are drawn grey. */
  threshold: number;
  marked: number;
  last: number;
}

/** Contributions below this fraction of the largest one are drawn grey. */
const INACTIVE = 0.04;

const flows = new WeakMap<Run, Flow>();

export function flowOf(run: Run): Flow {
  const known = flows.get(run) ?? read(run);
  flows.set(run, known);
  return known;
}

function read(run: Run): Flow {
  const { task: { circuit }, result: { view, edits } } = run;
  const value = new Map<NodeId, number>();
  const passedOn = new Map<NodeId, number | null>();
  const passedOff = new Map<NodeId, number | null>();
  const at = new Map<NodeId, number>();
  let scale = 0;
  circuit.nodes.forEach(({ node }, row) => {
    const token = view.readAt[row] ?? 0;
    const here = cell(view.activations, view, row, token);
    value.set(node, here);
    passedOn.set(node, view.passedOn[row] ?? null);
    passedOff.set(node, view.passedOff?.[row] ?? null);
    at.set(node, token);
    scale = Math.max(scale, Math.abs(here));
  });
  const { marked } = view;
  const embedding = new Map(circuit.lanes.map((lane, row) => [lane.channel, cell(view.embedding, view, row, marked)]));
  const flow: Flow = { value, passedOn, passedOff, off: new Set(edits.offEdges), at, embedding, scale: scale || 1, threshold: 0, marked, last: view.tokens - 1 };
  let largest = 0;
  for (const edge of circuit.edges) largest = Math.max(largest, Math.abs(contribution(flow, edge) ?? 0));
  flow.threshold = nice(largest * INACTIVE);
  return flow;
}

/** One number of a table with a column for each token. */
function cell(table: Float32Array, { tokens }: View, row: number, token: number): number {
  return table[row * tokens + token] ?? 0;
}

/** One row of a table with a column for each token. */
export function row(table: Float32Array, { tokens }: Pick<View, 'tokens'>, index: number): Float32Array {
  return table.subarray(index * tokens, (index + 1) * tokens);
}

/** The value that enters an edge; null if it is not known. */
export function entering(flow: Flow, edge: { from: NodeId; to: NodeId }): number | null {
  const values = flow.off.has(edgeId(edge)) ? flow.passedOff : flow.passedOn;
  return values.get(edge.from) ?? null;
}

/** weight × activation of one edge; null if it is not known. */
export function contribution(flow: Flow, edge: { from: NodeId; to: NodeId; weight: number }): number | null {
  const value = entering(flow, edge);
  return value === null ? null : edge.weight * value;
}

/** Rounds down to one significant digit, so that the legend can show the threshold. */
function nice(value: number): number {
  if (value <= 0) return 0;
  const unit = 10 ** Math.floor(Math.log10(value));
  return Math.max(1, Math.floor(value / unit)) * unit;
}

/**
 * Height of the fill in a glyph with the half height `half`. It grows with the square root of `value / scale`, so that small values stay
 * visible next to a large one.
 */
export function fillHeight(value: number, scale: number, half: number): number {
  if (value === 0) return 0;
  return Math.max(Math.min(half, 1.5), Math.sqrt(Math.min(1, Math.abs(value) / scale)) * half);
}

/** Width of an edge in pixels, 1 to `most`, by its weight's share of the largest. */
export function edgeWidth(weight: number, largest: number, most: number): number {
  return 1 + (most - 1) * Math.min(1, Math.abs(weight) / (largest || 1));
}
