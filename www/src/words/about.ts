/** What the circuit was measured to do, in sentences. */
import type { CircuitInfo } from '../worker/protocol';
import { count, wholePercent } from './numbers';

export function about(circuit: CircuitInfo): string[] {
  const result = [`The circuit has ${count(circuit.nodes.length)} nodes and ${count(circuit.edges.length)} weights between them.`];
  const { accuracy, unprunedAccuracy, removedAccuracy } = circuit;
  if (accuracy === null || unprunedAccuracy === null || removedAccuracy === null) return result;
  result.push(
    `On test pairs the whole model is right in ${wholePercent(unprunedAccuracy)}, the circuit alone in ${wholePercent(accuracy)}, and the model without the circuit in ${wholePercent(removedAccuracy)} (guessing: 50 %).`,
  );
  if (removedAccuracy > 0.65) result.push('So the model has other ways to the answer, too: this circuit is enough for it, but not all there is.');
  return result;
}
