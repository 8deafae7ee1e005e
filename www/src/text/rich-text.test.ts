import { describe, expect, it } from 'vitest';
import { glossary, type TermKey } from './glossary';
import { linked, plainText, type RichText } from './rich-text';

const terms = (rich: RichText) => rich.flatMap((span) => (typeof span === 'object' && 'term' in span ? [[span.term, span.words]] : []));

describe('the words of the glossary in a text', () => {
  const text: RichText = ['A node of layer 1: its write to channel 92. ', { strong: 'Nodes' }, ' of a layer are channels.'];
  it('are linked where they are first used, and the text stays', () => {
    expect(plainText(linked(text))).toBe(plainText(text));
    expect(terms(linked(text))).toEqual([['node', 'node'], ['layer', 'layer'], ['write', 'write'], ['channel', 'channel']]);
  });
  it('are linked once a section', () => {
    const seen = new Set<TermKey>();
    linked([{ term: 'node', words: 'nodes' }], seen);
    linked(['layer 0'], seen);
    expect(terms(linked(text, seen)).map(([term]) => term)).toEqual(['write', 'channel']);
  });
  it('are whole words', () => {
    expect(terms(linked(['It must write headlong, tokenize and read dense code.']))).toEqual([['dense', 'dense']]);
  });
  it('find the word that they explain', () => {
    for (const [key, { word, find }] of Object.entries(glossary)) {
      // These occur with what follows them.
      if (find && !['qkv', 'read', 'write'].includes(key)) expect(find.test(word), key).toBe(true);
    }
  });
});
