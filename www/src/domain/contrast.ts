/** The short piece of text in which prompt A differs from prompt B, if there is one: `('` and `("`, `[` and `[[`, or an `if` that only one of them has. */
import type { Prompt, Token } from '../engine/protocol';

/** The text of each prompt where they differ. One of the two may be empty. */
export interface Contrast {
  a: string;
  b: string;
}

/** Longer differences are not read aloud. */
const LONGEST = 20;

export function contrast(a: Prompt, b: Prompt): Contrast | null {
  const [before, one, two] = middles(a.tokens, b.tokens);
  const [here, there] = doubled(before, ...withoutCommonEnd(one, two));
  if (here.trim() === there.trim() && here.trim() !== '') return null;
  if (here === there || Math.max(here.length, there.length) > LONGEST) return null;
  return { a: here, b: there };
}

/** The common start, and the texts between the common start and the common end. */
function middles(a: Token[], b: Token[]): [string, string, string] {
  const max = Math.min(a.length, b.length);
  let start = 0;
  while (start < max && a[start]!.id === b[start]!.id) start++;
  let end = 0;
  while (end < max - start && a[a.length - 1 - end]!.id === b[b.length - 1 - end]!.id) end++;
  const text = (tokens: Token[]) => tokens.slice(start, tokens.length - end).map((token) => token.text).join('');
  return [a.slice(0, start).map((token) => token.text).join(''), text(a), text(b)];
}

/** If one text ends with the other, keeps only the rest: `if count` and `count` differ by `if`. Repeated signs are not split: `[` and `[[`. */
function withoutCommonEnd(one: string, two: string): [string, string] {
  const [short, long] = one.trim().length < two.trim().length ? [one.trim(), two.trim()] : [two.trim(), one.trim()];
  const sign = /^([^\w\s])\1*$/.test(short);
  if (short === '' || sign || !long.endsWith(short)) return [one, two];
  const rest = long.slice(0, -short.length);
  return long === one.trim() ? [rest, ''] : ['', rest];
}

/** If one text has a sign once more than the other, returns both with all of their signs: `[` and `[[` are clearer than `[` and nothing. */
function doubled(before: string, one: string, two: string): [string, string] {
  const more = (one || two).trim();
  const run = /([^\w\s])\1*$/.exec(before)?.[0] ?? '';
  if ((one !== '' && two !== '') || run === '' || more === '' || more.replaceAll(run[0]!, '') !== '') return [one, two];
  return one === '' ? [run, run + more] : [run + more, run];
}
