/** How the page writes numbers and tokens. Numbers have U+2212 for minus, and a sign where a value has one. */
import { cleanText } from '../domain/characters';

const MINUS = '\u2212';
/** A space that does not break. */
export const NBSP = '\u00a0';

/** `+1.78`, `−0.05`, `0.00`: two decimals by default. Never `−0.00`. */
export function signed(value: number, decimals = 2): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '?' : value > 0 ? '+∞' : `${MINUS}∞`;
  const text = Math.abs(value).toFixed(decimals);
  if (Number(text) === 0) return text;
  return (value < 0 ? MINUS : '+') + text;
}

/** A plain number that may be negative: `1.50`, `−2.00`. */
export function plain(value: number, decimals = 2): string {
  const text = signed(value, decimals);
  return text.startsWith('+') ? text.slice(1) : text;
}

/**
 * A probability in per cent with one decimal, without the sign: `97.8`, `<0.1`, `>99.9`. A softmax is never 0 or 1, so neither is
 * written, though floating point may round to it.
 */
export function percentDigits(share: number): string {
  if (!Number.isFinite(share)) return '?';
  const percent = share * 100;
  if (percent < 0.05) return '<0.1';
  if (percent >= 99.95) return '>99.9';
  return percent.toFixed(1);
}

/** `97.8 %` with a space that does not break. */
export function percent(share: number): string {
  return `${percentDigits(share)}${NBSP}%`;
}

/** `97 %`, rounded down for shares that are almost but not quite whole. */
export function wholePercent(share: number): string {
  const rounded = Math.round(share * 100);
  return `${rounded === 100 && share < 1 ? 99 : rounded}${NBSP}%`;
}

/** `2.1 MB`, `84 KB`. */
export function bytes(count: number): string {
  if (count >= 999_500) return `${(count / 1e6).toFixed(1)}${NBSP}MB`;
  return `${Math.max(1, Math.round(count / 1e3))}${NBSP}KB`;
}

/** `under 1 ms`, `3.4 ms`, `120 ms`. */
export function milliseconds(time: number): string {
  return time < 1 ? `under 1${NBSP}ms` : `${time < 10 ? time.toFixed(1) : Math.round(time)}${NBSP}ms`;
}

/** `82,100`: thousands apart, the same in every locale. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/**
 * Rounds parts so that what is shown sums to what is shown: each part is rounded down or up, those with the largest remainders up,
 * until the rounded parts add up to the rounded whole. Off by more than rounding can explain (a whole that is not the sum of its
 * parts), the parts are rounded each for itself: the page then shows the discrepancy instead of hiding it.
 */
export function roundedToSum(parts: number[], whole: number, decimals: number): number[] {
  const unit = 10 ** decimals;
  const target = Math.round(whole * unit);
  const floors = parts.map((part) => Math.floor(part * unit));
  const missing = target - floors.reduce((sum, floor) => sum + floor, 0);
  const alone = parts.map((part) => Math.round(part * unit) / unit);
  if (!Number.isFinite(missing) || missing < 0 || missing > parts.length) return alone;
  const byRemainder = parts
    .map((part, index) => ({ index, remainder: part * unit - floors[index]! }))
    .sort((left, right) => right.remainder - left.remainder || left.index - right.index);
  // A whole part (say a bias of exactly zero) is never moved to make a sum come out.
  const movable = byRemainder.filter((part) => part.remainder > 1e-6);
  if (missing > movable.length) return alone;
  for (const part of movable.slice(0, missing)) floors[part.index]! += 1;
  return floors.map((value) => value / unit);
}

/** Decimals at which the largest of the numbers shows three digits: 2 for numbers from 1 on, up to 4 for small ones. */
export function decimalsFor(values: number[]): number {
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (largest === 0 || largest >= 0.5) return 2;
  return largest >= 0.05 ? 3 : 4;
}

/** A factor of a product with at least three digits, and `more`: `−0.3386`, `+6.660`, `+19.50` with one more. */
export function factor(value: number, more = 1): string {
  const size = Math.abs(value);
  return signed(value, (size >= 10 ? 1 : size >= 1 ? 2 : 3) + more);
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A token as a chip shows it: spaces as middle dots, line ends as arrows, what is not a character as its replacement. */
export function showToken(text: string): string {
  return text.replace(/ /g, '·').replace(/\t/g, '⇥').replace(/\r?\n|\r/g, '⏎') || '∅';
}

/** A token inside a sentence or as a candidate: without the white space around it, if there is more to it. */
export function sayToken(text: string): string {
  const trimmed = text.trim();
  return trimmed === '' ? showToken(text) : trimmed.replace(/[\r\n]+/g, '⏎').replace(/\t/g, '⇥');
}

/** Before a colon's sentence: `There is` as `there is`. */
export function lowerFirst(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** Somebody else's text inside a sentence: one line, in quotes, cut after 40 characters. */
export function quoted(text: string): string {
  const line = cleanText(text).replace(/\n/g, ' ');
  return `“${line.length > 40 ? `${line.slice(0, 40)}…` : line}”`;
}
