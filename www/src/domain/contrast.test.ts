import { describe, expect, it } from 'vitest';
import type { Prompt } from '../engine/protocol';
import { contrast } from './contrast';
import { plainText } from '../text/rich-text';
import { contrast as text } from '../text/en';

const prompt = (texts: string[]): Prompt => ({
  text: texts.join(''), tokens: texts.map((text) => ({ id: [...text].reduce((id, char) => id * 31 + char.charCodeAt(0), 7), text })), cut: 0,
});
function said(a: string[], b: string[]): string | null {
  const found = contrast(prompt(a), prompt(b));
  return found && [text.seen(found), text.instead(found), text.where(found)].map(plainText).join(' | ');
}

describe('contrast', () => {
  it('names both tokens where one stands for the other', () => {
    expect(said(['print', "('", 'hi'], ['print', '("', 'hi'])).toBe(`(' | after (" | where it reads ("`);
    expect(said(['s', ' =', ' set', '()', '\n'], ['s', ' =', ' ""', '\n'])).toBe('set() | after "" | where it reads ""');
  });
  it('counts a sign that one prompt has once more', () => {
    expect(said(['a', ' =', ' [', '1'], ['a', ' =', ' [', '[', '1'])).toBe('[ | after [[ | where it reads [[');
    expect(said(['a', ' =', ' [', '[', '1'], ['a', ' =', ' [', '1'])).toBe('[[ | after [ | where it reads [');
    expect(said(['a', ' =', ' [[', '1'], ['a', ' =', ' [', '1'])).toBe('[[ | after [ | where it reads [');
  });
  it('says what only one prompt has', () => {
    expect(said(['\n', '   ', ' if', ' n'], ['\n', '   ', ' n'])).toBe('if | without if | which lacks if');
    expect(said(['\n', '   ', ' n'], ['\n', '   ', ' if', ' n'])).toBe('no if | after if | which has if');
    // At a line's start the name itself is another token.
    expect(said(['\n', 'if', ' n'], ['\n', 'n'])).toBe('if | without if | which lacks if');
  });
  it('puts white space into words', () => {
    expect(said([':', '\n', '   ', ' x'], [':', '\n', ' x'])).toBe('3 spaces | without 3 spaces | which lacks 3 spaces');
    expect(said(['x', '\n', 'y'], ['x', '\n\n\t', 'y'])).toBe('a line end | after 2 line ends and a tab | where it reads 2 line ends and a tab');
    expect(said(['x', ' ', 'y'], ['x', ',', 'y'])).toBe('a space | after , | where it reads ,');
  });
  it('leaves alone what cannot be said in a word', () => {
    expect(said(['a', 'b'], ['a', 'b'])).toBeNull();
    expect(said(['the', ' one', ' and', ' a', ' half', ' lines', '!'], ['!'])).toBeNull();
    expect(said(['a', ' b'], ['a', 'b'])).toBeNull();
  });
});
