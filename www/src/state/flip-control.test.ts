import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../engine/api';
import type { FlipControlAsked, RunResult, TaskInfo } from '../engine/protocol';
import { opening, withChange, withFlip, withMode, withText, type Doc } from './document';
import { controlAsked, controlOf, FlipControls } from './flip-control';
import type { Snapshot } from './screen';
import type { Session } from './session';
import { Store } from './store';

const prompt = (text: string) => ({ text, tokens: [{ id: 1, text }], cut: 0 });
const task = {
  name: 'quote',
  presets: [
    { a: prompt('one'), b: prompt('other one'), answer: 0 }, { a: prompt('two'), b: prompt('other two'), answer: 0 },
    { a: prompt('three'), b: prompt('other three'), answer: 1 }, { a: prompt('odd'), b: prompt('other odd'), answer: 0, fails: true }, { a: prompt('old'), b: prompt('other old') },
  ],
} as unknown as TaskInfo;
const flipped = withFlip(opening('quote', 'one', null), true);

function snapshot(doc: Doc, answer: 0 | 1 | null = 0, of: TaskInfo = task): Snapshot {
  return { task: of, doc, result: { a: prompt(doc.a), b: prompt('b'), edits: doc.edits, answer } as unknown as RunResult };
}
const asked = (of: Snapshot) => controlAsked({ snapshot: of, placeholder: false });

describe('the donors of a control', () => {
  it('are other examples with the same right answer, from either side of a pair', () => {
    expect(asked(snapshot(flipped))).toEqual({ task: 'quote', a: 'one', donors: ['two', 'other three'], mode: 'full' });
    expect(asked(snapshot(withText(flipped, 'typed'), 1))?.donors).toEqual(['other one', 'other two', 'three']);
  });
  it('are none without a flip alone, or without a known answer', () => {
    expect(asked(snapshot(withFlip(flipped, false)))).toBeNull();
    expect(asked(snapshot(withMode(flipped, 'removed')))).toBeNull();
    expect(asked(snapshot(withChange(flipped, '0.attn.q.1', { kind: 'off' })))).toBeNull();
    expect(asked(snapshot(flipped, null))).toBeNull();
    expect(asked(snapshot(flipped, 0, { ...task, presets: [task.presets[0]!] } as TaskInfo))).toBeNull();
    expect(controlAsked({ snapshot: snapshot(flipped), placeholder: true })).toBeNull();
  });
});

describe('a control', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function setUp() {
    const calls: { asked: FlipControlAsked; answer(p: [number, number][]): void; refuse(): void }[] = [];
    const engine = { flipControl: (of: FlipControlAsked) => new Promise((answer, refuse) => calls.push({ asked: of, answer, refuse: () => refuse(new Error('no')) })) } as unknown as Engine;
    let model = 1;
    const session = { watch: () => { const now = model; return () => now === model; } } as unknown as Session;
    const store = new Store(() => 0);
    const controls = new FlipControls(engine, store, session);
    store.subscribe(() => controls.follow());
    const show = (of: Snapshot) => store.set({ phase: 'ready', snapshot: of });
    return { calls, store, show, otherModel: () => model++ };
  }
  const settle = () => vi.advanceTimersByTimeAsync(1000);

  it('is asked for once, after a pause, and kept', async () => {
    const { calls, store, show } = setUp();
    show(snapshot(flipped));
    expect(calls).toEqual([]);
    await settle();
    expect(controlOf(store.screen)).toBeNull();
    calls[0]!.answer([[0.9, 0.1]]);
    await settle();
    expect(controlOf(store.screen)).toEqual([[0.9, 0.1]]);
    // Another result of the same flip, and back from another mode.
    for (const doc of [flipped, withMode(flipped, 'circuit'), flipped]) show(snapshot(doc));
    expect(controlOf(store.screen)).toEqual([[0.9, 0.1]]);
    await settle();
    expect(calls.length).toBe(1);
  });
  it('is never that of another text or mode', async () => {
    const { calls, store, show } = setUp();
    show(snapshot(flipped));
    await settle();
    show(snapshot(withText(flipped, 'typed')));
    calls[0]!.answer([[0.9, 0.1]]);
    await settle();
    expect(controlOf(store.screen)).toBeNull();
    expect(calls[1]!.asked.a).toBe('typed');
    calls[1]!.answer([[0.8, 0.2]]);
    await settle();
    expect(controlOf(store.screen)).toEqual([[0.8, 0.2]]);
    show(snapshot(withMode(flipped, 'circuit')));
    expect(controlOf(store.screen)).toBeNull();
  });
  it('is not asked for while someone types, and not kept for another model', async () => {
    const { calls, store, show, otherModel } = setUp();
    show(snapshot(flipped));
    store.set({ phase: 'busy' });
    await settle();
    expect(calls).toEqual([]);
    show(snapshot(flipped));
    await settle();
    otherModel();
    store.set({ snapshot: null });
    calls[0]!.answer([[0.9, 0.1]]);
    await settle();
    expect(store.screen.controls.size).toBe(0);
  });
  it('that fails is not asked for again', async () => {
    const { calls, store, show } = setUp();
    show(snapshot(flipped));
    await settle();
    calls[0]!.refuse();
    await settle();
    show(snapshot(flipped));
    await settle();
    expect(calls.length).toBe(1);
    expect(controlOf(store.screen)).toEqual([]);
  });
});
