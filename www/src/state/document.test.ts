import { describe, expect, it } from 'vitest';
import { changedNodes, changeOf } from '../domain/edits';
import { keepView, opening, sameDoc, sameRun, undone, withChange, withAll, withBoundary, withChannel, withEdge, withFlip, withList, withMode, withSteer, withText, withToken, withTour, withTwin, type TourDoc } from './document';
import { noHistory, remember, undo } from './history';

const start = opening('single_double_quote', 'print("hi', '0.mlp.post_act.3');
const node = '0.mlp.post_act.3';

describe('document', () => {
  it('opens in full mode with nothing changed', () => {
    expect(start.edits).toEqual({ mode: 'full', off: [], set: {}, scale: {}, patch: [], flip: false, offEdges: [] });
  });
  it('changes a node in one way at a time', () => {
    const set = withChange(start, node, { kind: 'set', value: -2 });
    const off = withChange(set, node, { kind: 'off' });
    expect(off.edits).toEqual({ ...start.edits, off: [node] });
    expect(changeOf(off.edits, node)).toEqual({ kind: 'off' });
    // a link can name a node twice; the engine applies off last
    expect(changeOf({ ...set.edits, off: [node] }, node)).toEqual({ kind: 'off' });
    expect(changeOf({ ...set.edits, scale: { [node]: 2 }, patch: [node] }, node)).toEqual({ kind: 'set', value: -2 });
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
  it('returns the same object if nothing changes, and an equal one after a change and its reverse', () => {
    expect(withMode(start, 'full')).toBe(start);
    expect(sameDoc(withFlip(withFlip(start, true), false), start)).toBe(true);
    expect(sameDoc(withFlip(start, true), start)).toBe(false);
  });
  it('needs no run for the list, the inactive nodes or the boundary of the hybrid passes', () => {
    const open = withTwin(start, true);
    for (const shown of [withList(open, true), withAll(open, true), withBoundary(open, 2)]) {
      expect(sameRun(open, shown)).toBe(true);
      expect(sameDoc(open, shown)).toBe(false);
    }
    expect(withBoundary(start, 2)).toBe(start);
  });
  it('switches an edge off and on again', () => {
    const edge = '0.mlp.act_in.5:0.mlp.post_act.3';
    const off = withEdge(start, edge, true);
    expect(off.edits.offEdges).toEqual([edge]);
    expect(withEdge(off, edge, true)).toEqual(off);
    expect(sameDoc(off, start)).toBe(false);
    expect(sameRun(off, start)).toBe(false);
    expect(sameDoc(withEdge(off, edge, false), start)).toBe(true);
    const other = '1.attn.resid_delta.9:logit.1';
    expect(sameDoc(withEdge(off, other, true), withEdge(withEdge(start, other, true), edge, true))).toBe(true);
  });
  it('forgets the token when the text changes', () => {
    expect(withText(withToken(start, 2), 'x').token).toBeNull();
  });
});

describe('undo', () => {
  it('takes back the text, and keeps a token only on the same text', () => {
    const before = withToken(start, 2);
    expect(undone(withToken(withText(before, 'x'), 0), before)).toMatchObject({ a: start.a, token: 2 });
    expect(undone(withToken(withFlip(before, true), 4), before)).toMatchObject({ a: start.a, token: 4, edits: { flip: false } });
  });
  it('keeps the selected node within the task', () => {
    const now = { ...withFlip(start, true), node: '1.attn.q.4' };
    expect(undone(now, start).node).toBe('1.attn.q.4');
    expect(undone({ ...now, task: 'other' }, start).node).toBe(start.node);
  });
  it('keeps what is shown: the list, and within the task the inactive nodes', () => {
    const now = withAll(withList(withFlip(start, true), true), true);
    expect(undone(now, start)).toMatchObject({ list: true, all: true, edits: { flip: false } });
    expect(undone({ ...now, task: 'other' }, start)).toMatchObject({ list: true, all: false });
  });
  it('leaves the twin open or closed', () => {
    const open = withSteer(withTwin(start, true), 0.5);
    expect(undone(withFlip(start, true), open).twin).toBeNull();
    expect(undone(withTwin(withFlip(start, true), true), start).twin).toEqual({ steer: 0, channel: null, boundary: null });
    expect(undone(withBoundary(withSteer(open, 0.9), 3), open).twin).toEqual({ steer: 0.5, channel: null, boundary: 3 });
    expect(undone(withSteer(open, 0.9), open).twin).toEqual({ steer: 0.5, channel: null, boundary: null });
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
  it('keeps the latest 200 steps', () => {
    const docs = Array.from({ length: 203 }, (_, index) => withText(start, `text ${index}`));
    const { past } = docs.reduce((history, doc, index) => remember(history, doc, '', index), noHistory);
    expect(past).toEqual(docs.slice(3));
  });
  it('never joins steps of no kind', () => {
    const history = remember(remember(noHistory, start, '', 0), withFlip(start, true), '', 1);
    expect(history.past.length).toBe(2);
  });
});

describe('the tour', () => {
  const tour: TourDoc = { step: 2, shown: false, choice: null, present: false };
  it('changes the screen but needs no run', () => {
    const asked = withTour(start, tour);
    const told = withTour(start, { ...tour, shown: true });
    expect(sameDoc(start, asked)).toBe(false);
    expect(sameDoc(asked, told)).toBe(false);
    expect(sameRun(asked, told)).toBe(true);
  });
  it('goes back with undo, but stays closed once the user has closed it', () => {
    const asked = withTour(start, tour);
    const told = withFlip(withTour(start, { ...tour, shown: true }), true);
    expect(undone(told, asked).tour).toEqual(tour);
    expect(undone(withTour(told, null), asked).tour).toBeNull();
    expect(undone(asked, start).tour).toBeNull();
  });
});

describe('the dense twin', () => {
  it('opens with the strength of the flip, and follows it', () => {
    expect(withTwin(start, true).twin).toEqual({ steer: 0, channel: null, boundary: null });
    const flipped = withTwin(withFlip(start, true), true);
    expect(flipped.twin?.steer).toBe(1);
    expect(withFlip(withSteer(flipped, 0.4), false).twin?.steer).toBe(0);
    expect(withFlip(start, true).twin).toBeNull();
    expect(withTwin(flipped, false).twin).toBeNull();
  });
  it('keeps strengths within bounds and a channel through a flip', () => {
    const open = withChannel(withTwin(start, true), '1.attn.act_in.7');
    expect(withSteer(open, 7).twin?.steer).toBe(1);
    expect(withSteer(open, -1).twin?.steer).toBe(0);
    expect(withSteer(open, Number.NaN)).toBe(open);
    expect(withSteer(start, 0.5)).toBe(start);
    expect(withFlip(open, true).twin).toEqual({ steer: 1, channel: '1.attn.act_in.7', boundary: null });
  });
  it('changes the screen but needs no run of the sparse model', () => {
    const open = withTwin(start, true);
    expect(sameDoc(start, open)).toBe(false);
    expect(sameDoc(open, withSteer(open, 0.5))).toBe(false);
    expect(sameRun(start, withSteer(open, 0.5))).toBe(true);
    expect(sameRun(start, withFlip(open, true))).toBe(false);
  });
  it('stays open with another document, without steering', () => {
    const open = withSteer(withTwin(start, true), 0.5);
    expect(keepView(open, opening('other', 'x', null)).twin).toEqual({ steer: 0, channel: null, boundary: null });
    expect(keepView(start, opening('other', 'x', null)).twin).toBeNull();
    expect(keepView(withAll(withList(start, true), true), opening('other', 'x', null))).toMatchObject({ list: true, all: false });
  });
});
