import { describe, expect, it } from 'vitest';
import { opening, withChange, withFlip, withMode, type Doc } from '../../state/document';
import type { Snapshot } from '../../state/screen';
import type { CircuitInfo, Prompt, TaskInfo, View } from '../../engine/protocol';
import { summary as text } from '../../text/en';
import { plainText, type RichText } from '../../text/rich-text';
import { summary } from './summary';

const node = '0.mlp.post_act.3';
const prompt = (...texts: string[]): Prompt => ({ text: texts.join(''), tokens: texts.map((text) => ({ id: text.length * 100 + text.charCodeAt(1), text })), cut: 0 });
const circuit = {
  nodes: [{ node, layer: 0, site: 'mlp.post_act', index: 3, mean: 0.12, label: { kind: 'name', text: 'quote type' } }], edges: [], lanes: [], flipNodes: [node],
} as unknown as CircuitInfo;
const start = opening('quote', 'print("hi', node);

function snapshot(doc: Doc, p: number, value: number): Snapshot {
  const task = { name: 'quote', candidates: ["')", '")'], candidateIds: [1, 2], circuit } as unknown as TaskInfo;
  const a = prompt('print', '("', 'hi');
  const view = { p: [p, 1 - p], pFull: [p * 0.5, (1 - p) * 0.5], top: [], tokens: 3, marked: 1, readAt: [1], passedOn: [value], activations: Float32Array.of(0, value, value), embedding: new Float32Array(), heads: [], attention: new Float32Array() } as unknown as View;
  return { task, doc, result: { a, b: prompt('print', "('", 'hi'), reason: null, edits: doc.edits, view, backend: 'cpu' } };
}
const before = snapshot(start, 0.022, 1.33);
/** The kind of the sentence, and its words. */
const told = (after: Snapshot, previous: Snapshot | null = before) => {
  const { kind, text } = summary(after, previous, 16);
  return { kind, words: plainText(text) };
};
const words = (...parts: RichText[]) => plainText(parts.flat());
const quotes = { a: '("', b: "('" };
const expects = (p: number, more: Partial<Parameters<typeof text.expects>[0]> = {}) =>
  text.expects({ contrast: quotes, candidate: '")', p, sure: true, ofTwo: false, ...more });

describe('the sentence', () => {
  it('opens with what there is to see', () => {
    expect(told(before, null)).toEqual({ kind: 'expects', words: words(expects(0.978), text.flipGives(['quote type'], quotes)) });
  });
  it('does not call a coin toss an expectation', () => {
    expect(told(snapshot(start, 0.48, 1.33), null).words).toBe(words(expects(0.52, { sure: false }), text.flipGives(['quote type'], quotes)));
  });
  it('speaks of the two candidates where another token is likelier', () => {
    const topped = (id: number, all: Snapshot = before): Snapshot =>
      ({ ...all, result: { ...all.result, view: { ...all.result.view, top: [{ id, text: '', p: 0.3 }] } } });
    expect(told(topped(9), null).words).toContain(words(expects(0.978, { ofTwo: true })));
    expect(told(topped(2), null).words).toContain(words(expects(0.978)));
    expect(told(topped(9, { ...before, result: { ...before.result, b: null } }), null).words).toBe(words(expects(0.978, { contrast: null, ofTwo: true })));
    expect(told(topped(9, snapshot(withChange(start, node, { kind: 'off' }), 0.5, 0.12)), null)).toEqual(
      { kind: 'with-changes', words: words(text.withChanges(false, 1, "')", 0.5, true)) });
  });
  it('tells of a flip that a mode keeps from acting', () => {
    const removed = withMode(start, 'removed');
    expect(told(snapshot(withFlip(removed, true), 0.5, 0.12), snapshot(removed, 0.5, 0.12))).toEqual(
      { kind: 'flip-held', words: words(text.flipHeld(['quote type']), text.unchanged("')", 0.5, false)) });
  });
  it('tells of a node that goes back to what Flip gives it', () => {
    const flipped = withFlip(start, true);
    expect(told(snapshot(flipped, 0.997, -0.09), snapshot(withChange(flipped, node, { kind: 'off' }), 0.5, 0.12))).toEqual(
      { kind: 'node', words: words(text.flippedAgain('quote type', { from: 0.12, to: -0.09 }), text.rose("')", 0.5, 0.997)) });
  });
  it('tells of a flip: node, from, to, effect', () => {
    expect(told(snapshot(withFlip(start, true), 0.997, -0.09))).toEqual(
      { kind: 'flip', words: words(text.flipped(['quote type'], quotes, { from: 1.33, to: -0.09 }), text.rose("')", 0.022, 0.997)) });
  });
  it('tells of a flip back', () => {
    expect(told(before, snapshot(withFlip(start, true), 0.997, -0.09))).toEqual(
      { kind: 'flip-back', words: words(text.flippedBack(['quote type']), text.rose('")', 0.003, 0.978)) });
  });
  it('tells of a node switched off, and of one without effect', () => {
    const off = withChange(start, node, { kind: 'off' });
    const first = text.off('quote type', 0.12, { from: 1.33, to: 0.12 });
    expect(told(snapshot(off, 0.5, 0.12))).toEqual({ kind: 'node', words: words(first, text.rose("')", 0.022, 0.5)) });
    expect(told(snapshot(off, 0.022, 0.12)).words).toBe(words(first, text.unchanged('")', 0.978, false)));
  });
  it('tells of the modes', () => {
    expect(told(snapshot(withMode(start, 'removed'), 0.5, 1.33))).toEqual({ kind: 'mode', words: words(text.mode('removed'), text.rose("')", 0.022, 0.5)) });
  });
  it('promises nothing of a flip where the circuit is held at its mean', () => {
    expect(told(snapshot(withMode(start, 'removed'), 0.5, 1.33), null).words).not.toContain(words(text.flipGives(['quote type'], quotes)));
  });
  it('has no flip without prompt B', () => {
    const alone = { ...before, result: { ...before.result, b: null } };
    expect(told(alone, null).words).toBe(words(expects(0.978, { contrast: null })));
  });
});
