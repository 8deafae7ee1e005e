/** Where on a task's example there is nothing to see, from both prompts run with nothing changed. */
import type { CircuitInfo, NodeId, Prompt } from '../engine/protocol';
import { readBefore, tokenFor } from './alignment';
import { hookOf } from './nodes';

/** Circuits of up to this many nodes are drawn whole. */
const FEW = 16;
/** A node is inactive below this share of the largest value it takes on the example. */
const INACTIVE = 0.02;

/** `here` and `there`: each node's value at every token of A and of B, in the order of the circuit's nodes. */
export function inactiveNodes(circuit: CircuitInfo, a: Prompt, here: Float32Array[], b: Prompt, there: Float32Array[]): NodeId[] {
  if (circuit.nodes.length <= FEW) return [];
  const before = readBefore(circuit);
  const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const inactive = circuit.nodes.filter((info, index) => {
    const reach = Math.max(largest(here[index]!), largest(there[index]!));
    const values = [here[index]![tokenFor(info.node, before, a, b, null)]!, there[index]![tokenFor(info.node, before, b, a, null)]!];
    return !circuit.flipNodes.includes(info.node) && values.every((value) => Math.abs(value) <= INACTIVE * reach);
  });
  // One alone takes no more room than the count that would stand for it.
  return inactive.filter((info) => inactive.some((other) => other !== info && hookOf(other.node) === hookOf(info.node))).map((info) => info.node);
}
