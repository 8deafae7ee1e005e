/** What a task's example tells about its circuit, from both prompts run with nothing changed: where to look first, and where there is nothing to see. */
import { hookOf } from '../graph/group';
import type { CircuitInfo, Glance, Prompt } from '../worker/protocol';
import { markedToken, readBefore, tokenFor } from './reading';

/** Circuits of up to this many nodes are drawn whole. */
const FEW = 16;
/** A node is silent below this share of the largest value it takes on the example. */
const SILENT = 0.02;

/** `here` and `there`: each node's value at every token of A and of B, in the order of the circuit's nodes. */
export function glance(circuit: CircuitInfo, a: Prompt, here: Float32Array[], b: Prompt, there: Float32Array[]): Glance {
  const before = readBefore(circuit);
  const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const reach = circuit.nodes.map((_, index) => Math.max(largest(here[index]!), largest(there[index]!)));

  /** How far the two prompts are apart in a node, where they differ and at their ends, as a share of its reach; half as telling if A is silent. */
  const ends = [0, a.tokens.length - 1 - markedToken(a, b)];
  const contrast = (index: number) => {
    const [own, other] = [here[index]!, there[index]!].map((values) => ends.map((back) => values.at(-1 - back) ?? 0)) as [number[], number[]];
    const gap = Math.max(...own.map((value, end) => Math.abs(value - other[end]!)));
    const silent = own.every((value) => Math.abs(value) <= SILENT * reach[index]!);
    return reach[index] === 0 ? 0 : (gap / reach[index]!) * (silent ? 0.5 : 1);
  };
  const flips = circuit.nodes.flatMap((info, index) => (circuit.flipNodes.includes(info.node) ? [index] : []));
  const open = flips.length > 0 ? flips : circuit.nodes.map((_, index) => index);
  const start = open.reduce((best, index) => (best < 0 || contrast(index) > contrast(best) + 1e-6 ? index : best), -1);

  const silent = circuit.nodes.filter((info, index) => {
    const values = [here[index]![tokenFor(info.node, before, a, b, null)]!, there[index]![tokenFor(info.node, before, b, a, null)]!];
    return !circuit.flipNodes.includes(info.node) && values.every((value) => Math.abs(value) <= SILENT * reach[index]!);
  });
  // One alone takes no more room than the count that would stand for it.
  const folded = silent.filter((info) => silent.some((other) => other !== info && hookOf(other.node) === hookOf(info.node)));
  return { start: circuit.nodes[start]?.node ?? null, silent: circuit.nodes.length > FEW ? folded.map((info) => info.node) : [] };
}
