import { describe, expect, it } from 'vitest';
import type { Prompt } from '../engine/protocol';
import { segments } from './segments';

const prompt = (...texts: string[]): Prompt => ({ text: '', tokens: texts.map((text, id) => ({ id, text })), cut: 0 });
const shown = (text: string, tokens: Prompt) => segments(text, tokens).map((segment) => `${segment.text}|${segment.tokens.join()}`);

describe('segments', () => {
  it('follows the tokens', () => {
    expect(shown('def f():\n', prompt('def', ' f', '():\n'))).toEqual(['def|0', ' f|1', '():\n|2']);
  });
  it('leaves what was cut on the left without tokens', () => {
    expect(shown('abc def', { ...prompt('c', ' def'), cut: 2 })).toEqual(['ab|', 'c|0', ' def|1']);
  });
  it('puts the parts of a character together', () => {
    expect(shown('x = "🙂"', prompt('x', ' =', ' "', '\uFFFD', '\uFFFD', '"'))).toEqual(['x|0', ' =|1', ' "|2', '🙂|3,4', '"|5']);
    expect(shown('é', prompt('\uFFFD', '\uFFFD'))).toEqual(['é|0,1']);
  });
  it('loses no character, whatever the tokens say', () => {
    for (const tokens of [prompt(), prompt('zzz'), prompt('\uFFFD'), prompt('a', 'zzz', 'c'), prompt('', '')]) {
      expect(segments('a b c', tokens).map((segment) => segment.text).join('')).toBe('a b c');
    }
    expect(segments('', prompt('a'))).toEqual([]);
  });
});
