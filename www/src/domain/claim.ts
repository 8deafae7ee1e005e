/** The numbers that the author of a link saw. The page of the reader computes them again and compares. Links write them as `claim=P:P`. */

export interface Claim {
  /** The probabilities of the candidates. */
  p: [number, number];
}

/** The screen shows three decimals of a probability (`98.6 %`). The next two keep the error of rounding far below the tolerance. */
const DECIMALS = 5;

/**
 * The largest difference between two probabilities that agree. The CPU and WebGPU differ by up to 1e-4, and rounding adds 5e-6. One step
 * of the last digit on the screen is 1e-3.
 */
const TOLERANCE = 2e-4;

/** The two numbers of a claim are rounded so that they add up to 1. */
const SUM_ERROR = 10 ** -DECIMALS / 2;

/** Null if the probabilities are not finite. */
export function claimOf([first]: [number, number]): Claim | null {
  if (!Number.isFinite(first)) return null;
  const rounded = Number(first.toFixed(DECIMALS));
  return { p: [rounded, Number((1 - rounded).toFixed(DECIMALS))] };
}

export function writeClaim({ p }: Claim): string {
  return p.map((one) => one.toFixed(DECIMALS)).join(':');
}

/** Null if the text is not two numbers from 0 to 1. */
export function parseClaim(text: string): Claim | null {
  const parts = text.split(':');
  const fine = parts.length === 2 && parts.every((part) => /^(\d\.?\d{0,17}|\.\d{1,17})$/.test(part) && Number(part) <= 1);
  return fine ? { p: [Number(parts[0]), Number(parts[1])] } : null;
}

/**
 * Whether the computed probabilities agree with a claim. The sum is checked too, because it finds a change of a single digit that is
 * smaller than the tolerance.
 */
export function agrees({ p: [first, second] }: Claim, p: [number, number]): boolean {
  return Math.abs(first - p[0]) <= TOLERANCE && Math.abs(second - p[1]) <= TOLERANCE && Math.abs(first + second - 1) < SUM_ERROR;
}
