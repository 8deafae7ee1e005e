/** What flows through the drawn circuit: the value at every node, what every weight passes on, what counts as nothing. */
import type { CircuitInfo, NodeId, RunResult } from '../engine/protocol';
import { beforeOf, markedToken, tokenFor } from './alignment';

/** The answer of a run with the circuit that it belongs to, and the token that the user picked. */
export interface Run {
  task: { circuit: CircuitInfo };
  doc: { token: number | null };
  result: Pick<RunResult, 'a' | 'b' | 'view'>;
}

export interface Flow {
  /** Value of each circuit node, at the token at which it is read. */
  value: Map<NodeId, number>;
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

/** Contributions below this share of the largest on the screen are drawn as no signal. */
const INACTIVE = 0.04;

const flows = new WeakMap<Run, Flow>();

export function flowOf(run: Run): Flow {
  const known = flows.get(run) ?? read(run);
  flows.set(run, known);
  return known;
}

function read(run: Run): Flow {
  const { task: { circuit }, result: { a, b, view }, doc } = run;
  const before = beforeOf(circuit);
  const value = new Map<NodeId, number>();
  const at = new Map<NodeId, number>();
  let scale = 0;
  circuit.nodes.forEach((info, index) => {
    const token = tokenFor(info.node, before, a, b, doc.token);
    const here = view.activations[index]?.[token] ?? 0;
    value.set(info.node, here);
    at.set(info.node, token);
    scale = Math.max(scale, Math.abs(here));
  });
  const last = Math.max(0, a.tokens.length - 1);
  const marked = doc.token !== null ? Math.min(doc.token, last) : before.size > 0 ? markedToken(a, b) : last;
  const embedding = new Map(circuit.lanes.map((lane, index) => [lane.channel, view.embedding[index]?.[marked] ?? 0]));
  const flow: Flow = { value, at, embedding, scale: scale || 1, threshold: 0, marked, last };
  let largest = 0;
  for (const edge of circuit.edges) largest = Math.max(largest, Math.abs(contribution(run, flow, edge) ?? 0));
  flow.threshold = nice(largest * INACTIVE);
  return flow;
}

/** Value of a node as it enters an edge: a value channel enters its write mixed over the tokens by its head's attention. */
export function passedOn(run: Run, flow: Flow, node: NodeId): number | null {
  const { circuit } = run.task;
  const index = circuit.nodes.findIndex((info) => info.node === node);
  const info = circuit.nodes[index];
  if (!info) return null;
  if (info.site !== 'attn.v') return flow.value.get(node) ?? null;
  // The attention pattern is that of the last token; mixed for another token it would be a guess.
  if (run.doc.token !== null && flow.marked !== flow.last) return null;
  const pattern = run.result.view.attention.find((one) => one.layer === info.layer && one.head === info.head);
  const values = run.result.view.activations[index];
  if (!pattern || !values) return null;
  let mixed = 0;
  for (let token = 0; token < pattern.weights.length; token++) mixed += pattern.weights[token]! * (values[token] ?? 0);
  return mixed;
}

/** weight × activation of one edge; null where it cannot be told. */
export function contribution(run: Run, flow: Flow, edge: { from: NodeId; weight: number }): number | null {
  const value = passedOn(run, flow, edge.from);
  return value === null ? null : edge.weight * value;
}

/** One digit, rounded down: a threshold that can be read. */
function nice(value: number): number {
  if (value <= 0) return 0;
  const unit = 10 ** Math.floor(Math.log10(value));
  return Math.max(1, Math.floor(value / unit)) * unit;
}

/** Height of a fill within a mark of this half height: by the root of its share of the largest, or one large value would empty all others. */
export function fillHeight(value: number, scale: number, half: number): number {
  if (value === 0) return 0;
  return Math.max(Math.min(half, 1.5), Math.sqrt(Math.min(1, Math.abs(value) / scale)) * half);
}

/** Width of an edge in pixels, 1 to `most`, by its weight's share of the largest. */
export function edgeWidth(weight: number, largest: number, most: number): number {
  return 1 + (most - 1) * Math.min(1, Math.abs(weight) / (largest || 1));
}
