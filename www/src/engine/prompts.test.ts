import { describe, expect, it } from 'vitest';
import { encode, Prompts, type Encoder } from './prompts';

/** One token a character, the empty text's stand-in one token. */
const letters: Encoder = {
  encode: (text) => (text === '<|endoftext|>' ? Uint32Array.of(0) : Uint32Array.from([...text].map((char) => char.codePointAt(0)!))),
  tokenText: (id) => String.fromCodePoint(id),
  counterfactual: (_, text, context) => ({ b: text.length > context ? null : `${text}!`, reason: text.length > context ? { kind: 'cut' } : null, answer: 1 }),
};

describe('encode', () => {
  it('cuts on the left and says how much', () => {
    const prompt = encode(letters, 'abcdef', 4);
    expect(prompt.cut).toBe(2);
    expect(prompt.tokens.map((token) => token.text).join('')).toBe('cdef');
  });
  it('reads an empty prompt as the start of a file', () => {
    expect(encode(letters, '', 4)).toEqual({ text: '', tokens: [{ id: 0, text: '' }], cut: 0 });
  });
});

describe('Prompts', () => {
  it('does not load the tokenizer for a preset', async () => {
    let loads = 0;
    const preset = { text: 'ab', tokens: [{ id: 9, text: 'ab' }], cut: 0 };
    const prompts = new Prompts([preset], 8, async () => (loads++, letters));
    expect(await prompts.of('ab')).toBe(preset);
    expect(loads).toBe(0);
    await Promise.all([prompts.of('abc'), prompts.of('abd')]);
    expect(loads).toBe(1);
  });
  it('keeps the tokens of the last texts', async () => {
    let encoded = 0;
    const prompts = new Prompts([], 8, async () => ({ ...letters, encode: (text) => (encoded++, letters.encode(text)) }));
    const first = await prompts.of('a');
    expect(await prompts.of('a')).toBe(first);
    expect(encoded).toBe(1);
    for (const text of 'bcdefghijklmnopq') await prompts.of(text);
    expect(await prompts.of('a')).toEqual(first);
    expect(encoded).toBe(18);
  });
  it('asks the rule with the context of the model', async () => {
    const prompts = new Prompts([], 3, async () => letters);
    expect(await prompts.rule('quotes', 'abc')).toEqual({ b: 'abc!', reason: null, answer: 1 });
    expect(await prompts.rule('quotes', 'abcd')).toEqual({ b: null, reason: { kind: 'cut' }, answer: 1 });
  });
  it('tries again after a failed load', async () => {
    let loads = 0;
    const prompts = new Prompts([], 8, async () => {
      if (loads++ === 0) throw new Error('no connection');
      return letters;
    });
    await expect(prompts.of('x')).rejects.toThrow('no connection');
    expect((await prompts.of('x')).tokens.length).toBe(1);
  });
});
