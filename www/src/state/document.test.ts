import { describe, expect, it } from 'vitest';
import { changedNodes, changeOf, opening, sameDoc, withChange, withFlip, withMode, withText, withToken } from './document';
import { noHistory, remember, undo } from './history';

const start = opening('single_double_quote', 'print("hi', '0.mlp.post_act.3');
const node = '0.mlp.post_act.3';

describe('document', () => {
  it('opens in circuit mode with nothing changed', () => {
    expect(start.edits).toEqual({ mode: 'circuit', off: [], set: {}, scale: {}, patch: [], flip: false });
  });
  it('changes a node in one way at a time', () => {
    const set = withChange(start, node, { kind: 'set', value: -2 });
    const off = withChange(set, node, { kind: 'off' });
    expect(off.edits).toEqual({ ...start.edits, off: [node] });
    expect(changeOf(off.edits, node)).toEqual({ kind: 'off' });
    expect(withChange(off, node, null)).toEqual(start);
    expect(start.edits.off).toEqual([]);
  });
  it('keeps numbers finite and within limits', () => {
    expect(withChange(start, node, { kind: 'scale', factor: Infinity }).edits.scale[node]).toBe(0);
    expect(withChange(start, node, { kind: 'set', value: 1e9 }).edits.set[node]).toBe(1000);
  });
  it('keeps other nodes', () => {
    const two = withChange(withChange(start, node, { kind: 'off' }), '1.attn.q.4', { kind: 'patch' });
    expect(changedNodes(two.edits)).toEqual([node, '1.attn.q.4']);
  });
  it('returns the same value where nothing changes, and an equal one after there and back', () => {
    expect(withMode(start, 'circuit')).toBe(start);
    expect(sameDoc(withFlip(withFlip(start, true), false), start)).toBe(true);
    expect(sameDoc(withFlip(start, true), start)).toBe(false);
  });
  it('forgets the token when the text changes', () => {
    expect(withText(withToken(start, 2), 'x').token).toBeNull();
  });
});

describe('history', () => {
  it('goes back step by step', () => {
    const flipped = withFlip(start, true);
    let history = remember(noHistory, start, 'flip', 0);
    history = remember(history, flipped, 'mode', 5);
    const first = undo(history)!;
    expect(first.doc).toBe(flipped);
    expect(undo(first.history)!.doc).toBe(start);
    expect(undo(noHistory)).toBeNull();
  });
  it('counts quick typing as one step', () => {
    let history = remember(noHistory, start, 'type', 0);
    history = remember(history, withText(start, 'a'), 'type', 200);
    history = remember(history, withText(start, 'ab'), 'type', 900);
    expect(history.past).toEqual([start]);
    history = remember(history, withText(start, 'abc'), 'type', 3000);
    expect(history.past.length).toBe(2);
  });
  it('never joins steps of no kind', () => {
    const history = remember(remember(noHistory, start, '', 0), withFlip(start, true), '', 1);
    expect(history.past.length).toBe(2);
  });
});
