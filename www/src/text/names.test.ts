import { describe, expect, it } from 'vitest';
import { doingOf, exampleNames, longName, nameOf, placeOf } from './names';
import { nodes as text } from './en';
import { parseNode, placeOfAddress } from '../domain/nodes';

describe('examples', () => {
  it('are named by their last lines, and by what else tells them apart', () => {
    expect(exampleNames(['x = set()\nfor a in b:\n    x', 'x = set()\nwhile c:\n    x', 'print("hi', 'print("hi'])).toEqual(
      ['for a in b: … x', 'while c: … x', 'print("hi', 'print("hi']);
  });
});

describe('names', () => {
  it('prefers the label', () => {
    expect(nameOf({ site: 'mlp.post_act', index: 863, label: 'quote detector' })).toBe('quote detector');
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

describe('measured labels', () => {
  const info = { site: 'attn.k', index: 76, head: 4, channel: 12 };
  it('are no names, but say what the node does', () => {
    const label = "key: falls on item, higher for ')";
    expect(nameOf({ ...info, label })).toBe(text.ofHead('key', 4, 12));
    expect(doingOf({ ...info, label })).toBe("falls on item, higher for ')");
    expect(nameOf({ ...info, label: 'key' })).toBe(text.ofHead('key', 4, 12));
  });
  it('leave names alone', () => {
    expect(nameOf({ ...info, label: 'quote detector: double' })).toBe('quote detector: double');
    expect(doingOf({ ...info, label: 'quote detector: double' })).toBe('');
  });
});
