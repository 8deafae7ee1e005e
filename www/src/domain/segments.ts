/** Cuts a typed text into the stretches that its tokens cover, for underlines and names of tokens. Works from the end: tokens on the left may be cut off. */
import type { Prompt } from '../engine/protocol';

export interface Segment {
  text: string;
  /** The tokens it shows: one, or several where a character spans tokens. Empty: not seen by the model. */
  tokens: number[];
}

/** Every character of `text` is in exactly one segment, in order. */
export function segments(text: string, prompt: Prompt): Segment[] {
  const result: Segment[] = [];
  let end = text.length;
  let index = prompt.tokens.length - 1;
  while (index >= 0) {
    const piece = prompt.tokens[index]!.text;
    if (isWhole(piece) && text.endsWith(piece, end) && piece.length <= end) {
      result.push({ text: text.slice(end - piece.length, end), tokens: [index] });
      end -= piece.length;
      index--;
      continue;
    }
    // Parts of a character: back to the next token that is text again.
    const last = index;
    while (index >= 0 && !isWhole(prompt.tokens[index]!.text)) index--;
    if (index === last) break; // Not this text's tokens.
    const before = index >= 0 ? prompt.tokens[index]!.text : '';
    const at = index >= 0 ? text.lastIndexOf(before, end - 1 - before.length) : prompt.cut > 0 ? -1 : 0;
    const start = at < 0 ? Math.max(0, end - 1) : at + before.length;
    result.push({ text: text.slice(start, end), tokens: range(index + 1, last) });
    end = start;
  }
  if (end > 0) result.push({ text: text.slice(0, end), tokens: [] });
  return result.reverse().filter((segment) => segment.text !== '');
}

function isWhole(piece: string): boolean {
  return piece !== '' && !piece.includes('\uFFFD');
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
