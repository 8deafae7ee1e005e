/** Words that several features use. */
import type { Span } from '../rich-text';

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** `one node`, `three nodes`, `12 nodes`. */
export function counted(number: number, noun: string): string {
  return `${NUMBERS[number] ?? number} ${noun}${noun === '' || number === 1 ? '' : 's'}`;
}

/** `attention` or `MLP`, for a site. */
export function blockName(site: string): string {
  return site.startsWith('attn') ? 'attention' : 'MLP';
}

/** The most characters of an error on one line. */
export const LINE = 120;

export function because(cause: string): string {
  const line = cause.trim().split('\n')[0]!;
  return line === '' ? '' : ` (${line.length > LINE ? `${line.slice(0, LINE)}…` : line})`;
}

export const CIRCUIT: Span = { term: 'circuit', words: 'circuit' };

export const AVERAGE: Span = { term: 'average', words: 'average' };
