import { describe, expect, it } from 'vitest';
import { opening, withChange, withFlip, withMode, type Doc } from '../../state/document';
import type { Numbers } from '../../state/screen';
import type { CircuitInfo, Prompt, TaskInfo, View } from '../../engine/protocol';
import { plainText } from '../../text/rich-text';
import { summary } from './summary';

const node = '0.mlp.post_act.3';
const prompt = (...texts: string[]): Prompt => ({ text: texts.join(''), tokens: texts.map((text) => ({ id: text.length * 100 + text.charCodeAt(1), text })), cut: 0 });
const circuit = {
  nodes: [{ node, layer: 0, site: 'mlp.post_act', index: 3, mean: 0.12, label: 'quote type' }], edges: [], rails: [], flipNodes: [node],
} as unknown as CircuitInfo;
const start = opening('quote', 'print("hi', node);

function numbers(doc: Doc, p: number, value: number): Numbers {
  const task = { name: 'quote', candidates: ["')", '")'], candidateIds: [1, 2], circuit } as unknown as TaskInfo;
  const a = prompt('print', '("', 'hi');
  const view = { p: [p, 1 - p], pFull: [p * 0.5, (1 - p) * 0.5], top: [], activations: [Float32Array.of(0, value, value)], embedding: [], attention: [] } as unknown as View;
  return { task, doc, shown: { a, b: prompt('print', "('", 'hi'), reason: null, edits: doc.edits, view, backend: 'cpu' } };
}
const before = numbers(start, 0.022, 1.33);
const words = (after: Numbers, previous: Numbers | null = before) => plainText(summary(after, previous, 16).text).replace(/\u00a0/g, ' ');

describe('the sentence', () => {
  it('opens with what there is to see', () => {
    expect(words(before, null)).toBe('The model sees (" and expects ") (97.8 %). Flip gives one part, quote type, the value it would have after (\'.');
  });
  it('does not call a coin toss an expectation', () => {
    expect(words(numbers(start, 0.48, 1.33), null)).toContain('The model sees (" but can hardly decide: ") (52.0 %) is barely ahead. Flip gives');
  });
  it('says that it speaks of the two where another token is likelier', () => {
    const topped = (id: number, all: Numbers = before): Numbers =>
      ({ ...all, shown: { ...all.shown, view: { ...all.shown.view, top: [{ id, text: '', p: 0.3 }] } } });
    expect(words(topped(9), null)).toContain('The model sees (" and of the two expects ") (97.8 %).');
    expect(words(topped(2), null)).toContain('The model sees (" and expects ") (97.8 %).');
    expect(words(topped(9, { ...before, shown: { ...before.shown, b: null } }), null)).toBe('Of the two, the model expects ") (97.8 %). ');
    expect(words(topped(9, numbers(withChange(start, node, { kind: 'off' }), 0.5, 0.12)), null)).toContain('With one changed node the model expects \') (50.0 %) of the two.');
  });
  it('tells of a flip that a mode keeps from acting', () => {
    const removed = withMode(start, 'removed');
    expect(words(numbers(withFlip(removed, true), 0.5, 0.12), numbers(removed, 0.5, 0.12))).toContain('stays at its mean: without the circuit there is nothing to take');
  });
  it('tells of a node that goes back to what Flip gives it', () => {
    const flipped = withFlip(start, true);
    expect(words(numbers(flipped, 0.997, -0.09), numbers(withChange(flipped, node, { kind: 'off' }), 0.5, 0.12))).toContain("takes prompt B's value again. It fell from");
  });
  it('tells of a flip: node, from, to, effect', () => {
    expect(words(numbers(withFlip(start, true), 0.997, -0.09))).toBe(
      "Quote type took its value from prompt B, where it reads ('. It fell from +1.33 to −0.09, and ') rose from 2.2 % to 99.7 %.");
  });
  it('tells of a flip back', () => {
    expect(words(before, numbers(withFlip(start, true), 0.997, -0.09))).toBe('Quote type has its own value again, and ") rose from 0.3 % to 97.8 %.');
  });
  it('tells of a node switched off, and of one without effect', () => {
    const off = withChange(start, node, { kind: 'off' });
    expect(words(numbers(off, 0.5, 0.12))).toBe("Quote type is off: held at its mean, +0.12. It fell from +1.33 to +0.12, and ') rose from 2.2 % to 50.0 %.");
    expect(words(numbers(off, 0.022, 1.33))).toContain('the two chances stay as they were');
  });
  it('tells of the modes', () => {
    expect(words(numbers(withMode(start, 'removed'), 0.5, 1.33))).toBe("Now the circuit is held at its mean and everything else runs. ') rose from 2.2 % to 50.0 %.");
  });
  it('promises nothing of a flip where the circuit is held at its mean', () => {
    expect(words(numbers(withMode(start, 'removed'), 0.5, 1.33), null)).not.toContain('Flip');
  });
  it('has no flip to speak of without prompt B', () => {
    const alone = { ...before, shown: { ...before.shown, b: null } };
    expect(words(alone, null)).toBe('The model expects ") (97.8 %). ');
  });
});
