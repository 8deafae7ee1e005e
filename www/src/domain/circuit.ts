/** Facts about a circuit and its model that the page states in words. */
import type { CircuitInfo, ModelInfo } from '../engine/protocol';

/** How many nodes the model has: at each layer what both blocks read and write, queries, keys, values and neurons. */
export function modelNodes({ layers, width, attnWidth, mlpWidth }: Pick<ModelInfo, 'layers' | 'width' | 'attnWidth' | 'mlpWidth'>): number {
  return layers * (4 * width + 3 * attnWidth + mlpWidth);
}

/** From this accuracy on the page states that the circuit alone does the task. */
const RELIABLE = 0.8;

/** Whether the circuit alone does the task: on hand-written prompts if it was tested on them, else on test pairs. */
export function isReliable({ accuracy, handwritten }: Pick<CircuitInfo, 'accuracy' | 'handwritten'>): boolean {
  return (handwritten?.circuit ?? accuracy ?? 0) >= RELIABLE;
}
