/** What the circuit was measured to do, in sentences. */
import type { CircuitInfo } from '../engine/protocol';
import { count, plain, wholePercent } from './format';

export function about(circuit: CircuitInfo): string[] {
  const result = [
    `The circuit has ${count(circuit.nodes.length)} nodes and ${count(circuit.edges.length)} weights between them.`,
    `Holding all the rest at its mean shrinks and shifts the logits, so in “Circuit only” the chance of the first candidate is ${calibration(circuit)}; standardised: over its spread on the pairs that this was fitted to. In the other modes it is the plain sigmoid of the difference.`,
  ];
  const { accuracy, unprunedAccuracy, removedAccuracy } = circuit;
  if (accuracy === null || unprunedAccuracy === null || removedAccuracy === null) return result;
  result.push(
    `On test pairs the whole model is right in ${wholePercent(unprunedAccuracy)}, the circuit alone in ${wholePercent(accuracy)}, and the model without the circuit in ${wholePercent(removedAccuracy)} (guessing: 50 %).`,
  );
  if (removedAccuracy > 0.65) result.push('So the model has other ways to the answer, too: this circuit is enough for it, but not all there is.');
  return result;
}

/** How a circuit's logits become a chance. */
export function calibration({ scale, shift }: Pick<CircuitInfo, 'scale' | 'shift'>): string {
  return `sigmoid(${plain(scale)} × standardised logit difference ${shift < 0 ? '−' : '+'} ${plain(Math.abs(shift))})`;
}
