import { describe, expect, it } from 'vitest';
import type { Prompt } from '../engine/protocol';
import { contrast } from './contrast';

const prompt = (texts: string[]): Prompt => ({
  text: texts.join(''), tokens: texts.map((text) => ({ id: [...text].reduce((id, char) => id * 31 + char.charCodeAt(0), 7), text })), cut: 0,
});
/** The texts in which the prompts differ, without the white space around words. */
function differ(a: string[], b: string[]): [string, string] | null {
  const found = contrast(prompt(a), prompt(b));
  const shown = (text: string) => text.trim() || text;
  return found && [shown(found.a), shown(found.b)];
}

describe('contrast', () => {
  it('returns both tokens if one replaces the other', () => {
    expect(differ(['print', "('", 'hi'], ['print', '("', 'hi'])).toEqual(["('", '("']);
    expect(differ(['s', ' =', ' set', '()', '\n'], ['s', ' =', ' ""', '\n'])).toEqual(['set()', '""']);
  });
  it('leaves out all of the common start and end', () => {
    expect(differ(['f', '(', "('", 'a', ' b', ' c'], ['f', '(', '("', 'a', ' b', ' c'])).toEqual(["('", '("']);
    expect(differ(['x', ' =', ' {', ' a', ' b', ' c'], ['x', ' =', ' [', ' a', ' b', ' c'])).toEqual(['{', '[']);
  });
  it('keeps all signs if one prompt has a sign once more', () => {
    expect(differ(['a', ' =', ' [', '1'], ['a', ' =', ' [', '[', '1'])).toEqual(['[', '[[']);
    expect(differ(['a', ' =', ' [', '[', '1'], ['a', ' =', ' [', '1'])).toEqual(['[[', '[']);
    expect(differ(['a', ' =', ' [[', '1'], ['a', ' =', ' [', '1'])).toEqual(['[[', '[']);
  });
  it('returns the text that only one prompt has', () => {
    expect(differ(['\n', '   ', ' if', ' n'], ['\n', '   ', ' n'])).toEqual(['if', '']);
    expect(differ(['\n', '   ', ' n'], ['\n', '   ', ' if', ' n'])).toEqual(['', 'if']);
    // At the start of a line the name itself is another token.
    expect(differ(['\n', 'if', ' n'], ['\n', 'n'])).toEqual(['if', '']);
  });
  it('keeps white space', () => {
    expect(differ([':', '\n', '   ', ' x'], [':', '\n', ' x'])).toEqual(['   ', '']);
    expect(differ(['x', '\n', 'y'], ['x', '\n\n\t', 'y'])).toEqual(['\n', '\n\n\t']);
    expect(differ(['x', ' ', 'y'], ['x', ',', 'y'])).toEqual([' ', ',']);
  });
  it('is null if no short text describes the difference', () => {
    expect(differ(['a', 'b'], ['a', 'b'])).toBeNull();
    expect(differ(['the', ' one', ' and', ' a', ' half', ' lines', '!'], ['!'])).toBeNull();
    expect(differ(['a', ' b'], ['a', 'b'])).toBeNull();
  });
});
