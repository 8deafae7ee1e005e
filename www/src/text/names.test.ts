import { describe, expect, it } from 'vitest';
import { exampleNames, longName, nameOf, placeOf, tokenName } from './names';
import type { Prompt } from '../engine/protocol';
import { nodes as text } from './en';
import { parseNode, placeOfAddress } from '../domain/nodes';

describe('examples', () => {
  it('are named by their last lines, and by what else tells them apart', () => {
    expect(exampleNames(['x = set()\nfor a in b:\n    x', 'x = set()\nwhile c:\n    x', 'print("hi', 'print("hi'])).toEqual(
      ['for a in b: … x', 'while c: … x', 'print("hi', 'print("hi']);
  });
});

describe('a token', () => {
  const names = (text: string, ...tokens: string[]) => {
    const prompt: Prompt = { text, tokens: tokens.map((text, id) => ({ id, text })), cut: 0 };
    return tokens.map((_, index) => tokenName(prompt, index));
  };
  const [half, space] = ['\uFFFD', '\u200B'];
  it('is its text', () => expect(names('x = é', 'x', ' =', ' é')).toEqual(['x', '·=', '·é']));
  it('is a part of a character, with the number of its parts', () => {
    expect(names('"🙂"', '"', half, half, half, half, '"')).toEqual(['"', '🙂¹⁄₄', '🙂²⁄₄', '🙂³⁄₄', '🙂⁴⁄₄', '"']);
    expect(names('é🙂', half, half, half, half, half, half)).toEqual(['é¹⁄₂', 'é²⁄₂', '🙂¹⁄₄', '🙂²⁄₄', '🙂³⁄₄', '🙂⁴⁄₄']);
    // Here a token has several bytes, so where one character ends is not known.
    expect(names('é🙂', half, half, half)).toEqual(['é🙂¹⁄₃', 'é🙂²⁄₃', 'é🙂³⁄₃']);
  });
  it('can be seen where its character cannot', () => {
    expect(names(`a${space}`, 'a', half, half, half)[1]).toBe('U+200B¹⁄₃');
    expect(names('e\u0301', 'e', half, half)[1]).toBe('◌\u0301¹⁄₂');
  });
  it('is a replacement character only where that was typed', () => expect(names(half, half)).toEqual([half]));
});

describe('names', () => {
  it('prefers the label', () => {
    expect(nameOf({ site: 'mlp.post_act', index: 863, label: { kind: 'name', text: 'quote detector' } })).toBe('quote detector');
  });
  it('makes one from the place', () => {
    expect(nameOf({ site: 'mlp.post_act', index: 863 })).toBe(text.plain('neuron', 863));
    expect(nameOf({ ...placeOfAddress(parseNode('1.attn.k.19')!, 16) })).toBe(text.ofHead('key', 1, 3));
    expect(placeOf(placeOfAddress(parseNode('1.attn.k.19')!, 16))).toBe(text.channelOfHead('key', 3, 1, 1, 'attn.k'));
    expect(placeOf(placeOfAddress(parseNode('0.mlp.resid_delta.58')!, 16))).toBe(text.inStream(0, 'mlp.resid_delta'));
    expect(longName({ site: 'attn.resid_delta', index: 125, layer: 1 })).toBe(text.inLayer(1, text.write(125)));
    expect(longName({ site: 'mlp.post_act', index: 863, layer: 0 }, false)).toBe(text.plain('neuron', 863));
  });
});

describe('labels', () => {
  const info = { site: 'attn.k', index: 76, head: 4, channel: 12 } as const;
  it('that were measured are no names', () => {
    expect(nameOf({ ...info, label: { kind: 'measured', steady: 0.5 } })).toBe(text.ofHead('key', 4, 12));
    expect(nameOf({ ...info, label: { kind: 'words', text: 'high at if' } })).toBe(text.ofHead('key', 4, 12));
  });
  it('that somebody gave are names, whatever they say', () => {
    expect(nameOf({ ...info, label: { kind: 'name', text: 'key: double' } })).toBe('key: double');
  });
});
