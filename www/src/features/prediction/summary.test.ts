import { describe, expect, it } from 'vitest';
import { opening, withChange, withEdge, withFlip, withMode, type Doc } from '../../state/document';
import type { Snapshot } from '../../state/screen';
import type { CircuitInfo, Prompt, RunResult, TaskInfo, View } from '../../engine/protocol';
import { plainText } from '../../text/rich-text';
import { answerOf } from './answer';
import { look, tokensLine } from './bars';
import { controlText } from './flip';
import { summary } from './summary';

const node = '0.mlp.post_act.3';
const prompt = (...texts: string[]): Prompt => ({ text: texts.join(''), tokens: texts.map((text) => ({ id: text.length * 100 + text.charCodeAt(1), text })), cut: 0 });
const circuit = {
  nodes: [{ node, layer: 0, site: 'mlp.post_act', index: 3, mean: 0.12, label: { kind: 'name', text: 'quote type' } }], edges: [], lanes: [], flipNodes: [node],
} as unknown as CircuitInfo;
const start = opening('quote', 'print("hi', node);

interface Run {
  p: number;
  value?: number;
  full?: number;
  untouched?: { p: number; value: number };
  baseline?: number;
  answer?: 0 | 1 | null;
}

function snapshot(doc: Doc, { p, value = 1.33, full = 0.022, untouched, baseline, answer = 1 }: Run, more: Partial<RunResult> = {}): Snapshot {
  const task = { name: 'quote', candidates: ["')", '")'], candidateIds: [1, 2], circuit } as unknown as TaskInfo;
  const both = (first: number): [number, number] => [first, 1 - first];
  const view = {
    p: both(p), full: { p: both(full), values: [] }, untouched: untouched ? { p: both(untouched.p), values: [untouched.value] } : null,
    baseline: baseline === undefined ? null : both(baseline), pFull: [p * 0.5, (1 - p) * 0.5], top: [], tokens: 3, marked: 1, readAt: [1], passedOn: [value],
    activations: Float32Array.of(0, value, value), embedding: new Float32Array(), heads: [], attention: new Float32Array(),
  } as unknown as View;
  const a = prompt('print', '("', 'hi');
  return { task, doc, result: { a, b: prompt('print', "('", 'hi'), reason: null, answer, edits: doc.edits, view, backend: 'cpu', ...more } };
}

/** The facts of the sentence. */
const told = (of: Snapshot) => {
  const { kind, answer, text, more } = summary(of, 16);
  return { kind, winner: answer.winner, wrong: answer.wrong, words: plainText(text), more: plainText(more) };
};

describe('the sentence', () => {
  it('is about the full model when nothing is changed', () => {
    expect(told(snapshot(start, { p: 0.022 }))).toMatchObject({ kind: 'expects', winner: 1, wrong: false });
  });
  it('does not call a coin toss an answer', () => {
    expect(told(snapshot(start, { p: 0.48 })).kind).toBe('level');
  });
  it('calls a wrong answer wrong, if the right one is known', () => {
    expect(told(snapshot(start, { p: 0.9 })).wrong).toBe(true);
    expect(told(snapshot(start, { p: 0.9, answer: null })).wrong).toBe(false);
  });
  it('tells which edge is off, or how many changes there are', () => {
    const off = withEdge(start, '0.mlp.post_act.3:0.mlp.resid_delta.7', true);
    const one = told(snapshot(off, { p: 0.4, untouched: { p: 0.022, value: 1.33 } }));
    expect(one.kind).toBe('edge');
    for (const part of ['quote type', 'write 7', '97.8 %', '60.0 %']) expect(one.words.replaceAll('\u00a0', ' ')).toContain(part);
    const more = withEdge(off, '0.mlp.resid_delta.7:logit.0', true);
    expect(told(snapshot(more, { p: 0.4, untouched: { p: 0.022, value: 1.33 } })).kind).toBe('nodes');
    expect(told(snapshot(withFlip(off, true), { p: 0.4, untouched: { p: 0.022, value: 1.33 } })).kind).toBe('nodes');
  });
  it('tells whether the circuit alone agrees with the full model', () => {
    const alone = withMode(start, 'circuit');
    expect(told(snapshot(alone, { p: 0.1, baseline: 0.8 }))).toMatchObject({ kind: 'agrees', wrong: false, more: '' });
    const wrong = told(snapshot(alone, { p: 0.819, full: 0.085, baseline: 0.959 }));
    expect(wrong).toMatchObject({ kind: 'disagrees', winner: 0, wrong: true });
    // From the baseline towards the right answer.
    for (const number of ['81.9', '91.5']) expect(wrong.words).toContain(number);
    for (const number of ['4.1', '18.1']) expect(wrong.more).toContain(number);
  });
  it('does not say that a push is too weak where the circuit is right', () => {
    const of = (p: number) => told(snapshot(withMode(start, 'circuit'), { p, full: 0.9, baseline: 0.6 }));
    // The right answer is the second one: from 40 % at the baseline.
    const [right, wrong] = [of(0.2), of(0.55)];
    expect([right.kind, right.wrong, wrong.wrong]).toEqual(['disagrees', false, true]);
    for (const number of ['40.0', '80.0']) expect(right.more).toContain(number);
    expect(right.more).not.toMatch(/not far enough/);
  });
  it('names the baseline where Off leaves the circuit with its answer', () => {
    const off = withMode(withChange(start, node, { kind: 'off' }), 'circuit');
    const of = (p: number, baseline: number, doc = off) => told(snapshot(doc, { p, baseline, untouched: { p: 0.02, value: 1.33 } })).more;
    expect(of(0.85, 0.873)).toContain('87.3');
    expect(of(0.85, 0.3)).toBe('');
    expect(of(0.1, 0.873)).toBe('');
    expect(of(0.85, 0.873, withFlip(withMode(start, 'circuit'), true))).toBe('');
  });
  it('offers what to try only where all of it works', () => {
    expect(told(snapshot(start, { p: 0.022 })).more).not.toBe('');
    expect(told(snapshot(start, { p: 0.022 }, { b: null })).more).toBe('');
  });
  it('never gives an answer of the circuit to the model', () => {
    for (const mode of ['circuit', 'removed'] as const) {
      for (const p of [0.1, 0.9]) {
        const { words } = told(snapshot(withMode(start, mode), { p, baseline: 0.5 }));
        expect(words).not.toMatch(/^The (full )?model (prefers|says)/);
      }
    }
  });
  it('tells of edits against the untouched run', () => {
    const flip = told(snapshot(withFlip(start, true), { p: 0.997, value: -0.09, untouched: { p: 0.022, value: 1.33 } }));
    expect(flip.kind).toBe('flip');
    for (const number of ['+1.33', '−0.09', '2.2', '99.7']) expect(flip.words).toContain(number);
    const off = told(snapshot(withChange(start, node, { kind: 'off' }), { p: 0.3, value: 0.12, untouched: { p: 0.022, value: 1.33 } }));
    expect(off.kind).toBe('node');
    for (const number of ['+0.12', '97.8', '70.0']) expect(off.words).toContain(number);
    const both = withFlip(withChange(start, '0.mlp.post_act.4', { kind: 'off' }), true);
    expect(told(snapshot(both, { p: 0.3, untouched: { p: 0.022, value: 1.33 } })).kind).toBe('nodes');
  });
  it('tells of edits in every mode', () => {
    for (const mode of ['full', 'circuit', 'removed'] as const) {
      const off = withMode(withChange(start, node, { kind: 'off' }), mode);
      expect(told(snapshot(off, { p: 0.3, baseline: 0.5, untouched: { p: 0.022, value: 1.33 } })).kind).toBe('node');
    }
    expect(told(snapshot(withFlip(withMode(start, 'circuit'), true), { p: 0.9, untouched: { p: 0.1, value: 1 } })).kind).toBe('flip');
  });
  it('adds the control of a flip, if the untouched run is right', () => {
    const flipped = (answer: 0 | 1 | null) => snapshot(withFlip(start, true), { p: 0.997, untouched: { p: 0.022, value: 1.33 }, answer });
    const control = (of: Snapshot, ...shares: number[]) => plainText(controlText(of, shares.map((share): [number, number] => [1 - share, share])));
    for (const number of ['94.0', '97.1']) expect(control(flipped(1), 0.971, 0.94)).toContain(number);
    // A larger change needs other words.
    const words = [control(flipped(1), 0.971), control(flipped(1), 0.6), control(flipped(1), 0.4)].map((text) => text.replace(/[\d.]+/, ''));
    expect(new Set(words).size).toBe(3);
    for (const none of [control(flipped(1)), control(flipped(0), 0.9), control(flipped(null), 0.9)]) expect(none).toBe('');
    expect(control(snapshot(start, { p: 0.022 }), 0.9)).toBe('');
  });
  it('tells of a flip that the mode keeps from acting', () => {
    expect(told(snapshot(withFlip(withMode(start, 'removed'), true), { p: 0.5 })).kind).toBe('flip-held');
  });
  it('tells when the task does not apply', () => {
    expect(told(snapshot(start, { p: 0.1, answer: null }, { b: null, reason: 'There is no open string here.' }))).toMatchObject({ kind: 'no-task', words: 'There is no open string here.' });
  });
});

describe('the marks of a bar', () => {
  const run = { p: 0.3, full: 0.2, baseline: 0.45, untouched: { p: 0.6, value: 1 } };
  const marks = (doc: Doc, of: Run) => ([0, 1] as const).map((index) => look(answerOf(snapshot(doc, of)), index));
  it('are those of its own candidate', () => {
    expect(marks(withMode(withChange(start, node, { kind: 'off' }), 'circuit'), run)).toEqual([
      { p: 0.3, win: false, wrong: false, was: 0.6, full: 0.2, baseline: 0.45 },
      { p: 0.7, win: true, wrong: false, was: 0.4, full: 0.8, baseline: 0.55 },
    ]);
  });
  it('are only there where they say something', () => {
    expect(marks(start, { p: 0.7 })).toEqual([
      { p: 0.7, win: true, wrong: true, was: null, full: null, baseline: null },
      { p: expect.closeTo(0.3), win: false, wrong: false, was: null, full: null, baseline: null },
    ]);
    // Without edits there is no earlier run to compare with.
    expect(marks(withMode(start, 'removed'), run)[0]).toMatchObject({ was: null, full: 0.2 });
    expect(marks(withFlip(withMode(start, 'removed'), true), run)[0]!.was).toBeNull();
  });
});

describe('the tokens', () => {
  it('always hold both candidates, with a gap where others come between', () => {
    const of = snapshot(start, { p: 0.1 });
    of.result.view.top = [5, 2, 6, 7, 8].map((id) => ({ id, text: String(id), p: 0.1 }));
    expect(tokensLine(of).map(({ id, gap }) => [id, gap])).toEqual([[5, false], [2, false], [6, false], [1, true]]);
    of.result.view.top = [2, 1, 6].map((id) => ({ id, text: String(id), p: 0.1 }));
    expect(tokensLine(of).map(({ id }) => id)).toEqual([2, 1, 6]);
  });
});
