import { describe, expect, it } from 'vitest';
import type { Manifest, ManifestModel } from '../engine/manifest';
import type { Engine } from '../engine/api';
import type { BackendName, BackendState, CircuitInfo, FlipControlAsked, OpenModel, Prompt, RunRequest, RunResult, TaskInfo, View } from '../engine/protocol';
import { Playground, type Deps } from './playground';
import { withFlip, withList, withMode, withNode, withText, withTwin } from './document';

const prompt = (text: string): Prompt => ({ text, tokens: [{ id: 1, text }], cut: 0 });
const node = '0.mlp.post_act.3';
const listedTask = (name: string) => ({
  name, title: name, sentence: '', explanation: '', flipLabel: 'Flip', candidates: ["')", '")'] as [string, string],
  candidateIds: [1, 2] as [number, number], circuit: `circuits/${name}.json`, bytes: 1, start: node, inactive: [],
  presets: [
    { a: prompt(`${name} a`), b: prompt(`${name} b`), answer: 0 as const }, { a: prompt(`${name} c`), b: prompt(`${name} d`), answer: 1 as const },
    { a: prompt(`${name} e`), b: prompt(`${name} f`), answer: 0 as const, fails: true },
  ],
});
const manifest: Manifest = {
  version: 1, poster: null,
  models: [{ file: 'm.safetensors', default: true, bytes: 1, tokenizer: 't.json', tokenizerBytes: 1, tasks: [listedTask('quote'), listedTask('brackets')] }],
};
const circuit = { nodes: [{ node, layer: 0, site: 'mlp.post_act', index: 3, mean: 0 }], edges: [], lanes: [], flipNodes: [node] } as unknown as CircuitInfo;
const model = { layers: 2, width: 8, attnWidth: 8, mlpWidth: 8, headWidth: 4, contextLength: 16 } as OpenModel;
const task = (name: string): TaskInfo => {
  const { circuit: _file, bytes: _bytes, ...rest } = listedTask(name);
  return { ...rest, circuit };
};

const onCpu: BackendState = { name: 'cpu', reason: { kind: 'first' }, other: null };
const onWebGpu: BackendState = { name: 'webgpu', reason: { kind: 'chosen' }, other: 'cpu' };

/** An engine whose answers wait until the test releases them. */
class Held implements Engine {
  tellBackend: (state: BackendState) => void = () => {};
  preferences: (BackendName | null)[] = [];
  settled: () => void = () => {};
  opened: string[] = [];
  asked: { request: RunRequest; answer(): void; refuse(why: string): void }[] = [];
  async open(_base: string, listed: ManifestModel, name: string, tell: (progress: { loaded: number; total: number }) => void, tellBackend: (state: BackendState) => void) {
    this.tellBackend = tellBackend;
    this.opened.push(listed.file);
    tell({ loaded: 2, total: 3 });
    tell({ loaded: 1, total: 3 });
    tell({ loaded: 3, total: 3 });
    return { model: { ...model, file: listed.file }, task: task(name), backend: onCpu };
  }
  async task(name: string) {
    return task(name);
  }
  controls: { asked: FlipControlAsked; answer(p: [number, number][]): void }[] = [];
  flipControl(asked: FlipControlAsked): Promise<[number, number][]> {
    return new Promise((answer) => this.controls.push({ asked, answer }));
  }
  use(preference: BackendName | null): Promise<void> {
    this.preferences.push(preference);
    return new Promise((resolve) => (this.settled = resolve));
  }
  run(request: RunRequest): Promise<RunResult> {
    return new Promise((resolve, reject) => this.asked.push({
      request,
      answer: () => resolve({ a: prompt(request.a), b: prompt(request.b ?? 'b'), reason: null, answer: 0, edits: request.edits, view: { p: [request.a.length, request.edits.flip ? 1 : 0] } as unknown as View, backend: 'cpu' }),
      refuse: (why) => reject(new Error(why)),
    }));
  }
}

function setUp(hash = '', more: Partial<Deps> = {}) {
  const engine = new Held();
  const state = { hash, now: 0 };
  const playground = new Playground({
    engine, models: 'http://host/models/', fetchJson: async () => manifest, hash: () => state.hash, setHash: (next) => (state.hash = next),
    now: () => (state.now += 5000), nextFrame: async () => {}, nextPaint: async () => {}, roomForPanel: () => true, ...more,
  });
  return { engine, playground, state };
}
const settle = () => new Promise((done) => setTimeout(done));

async function live(hash = '', more: Partial<Deps> = {}) {
  const all = setUp(hash, more);
  const started = all.playground.start();
  await settle();
  all.engine.asked[0]!.answer();
  await started;
  return all;
}

it('makes an entry of the browser’s history for a task, a mode and an example, and none for typing and edits', async () => {
  const entries: string[] = [];
  const { playground, engine } = await live('', { setHash: (hash, entry) => void (entry && entries.push(hash)) });
  const answered = async () => {
    await settle();
    engine.asked.at(-1)!.answer();
    await settle();
  };
  playground.change(withText(playground.screen.doc, 'typed'), 'type-a');
  await answered();
  playground.change(withFlip(playground.screen.doc, true), '');
  await answered();
  expect(entries).toEqual([]);
  playground.change(withMode(playground.screen.doc, 'circuit'), '');
  await answered();
  playground.change(withText(playground.screen.doc, 'an example'), '', true);
  await answered();
  playground.openTask('brackets');
  await answered();
  expect(entries.map((hash) => /task=(\w+)/.exec(hash)?.[1])).toEqual(['quote', 'quote', 'brackets']);
  expect(entries[0]).toContain('mode=circuit');
  playground.undo();
  await answered();
  expect(entries.length).toBe(3);
}, 20_000);

describe('the numbers of a claim link', () => {
  const p = [0.75, 0.25];
  const answered = async ({ playground, engine }: Awaited<ReturnType<typeof live>>, act: (playground: Playground) => void) => {
    act(playground);
    await settle();
    engine.asked.at(-1)!.answer();
    await settle();
  };
  it('stay on the screen and in the address until the answer changes', async () => {
    const all = await live('#task=quote&claim=0.75:0.25');
    const { playground, state } = all;
    expect(playground.screen.claim).toEqual({ p });
    expect(state.hash).toContain('claim=0.75000:0.25000');
    await answered(all, () => playground.change(withNode(playground.screen.doc, 'logit.0'), 'select'));
    playground.change(withList(playground.screen.doc, true), 'select');
    expect(playground.screen.claim).toEqual({ p });
    expect(state.hash).toContain('claim=');
    await answered(all, () => playground.change(withFlip(playground.screen.doc, true), ''));
    expect(playground.screen.claim).toBeNull();
    expect(state.hash).not.toContain('claim');
    await answered(all, () => playground.undo());
    expect(playground.screen.claim).toBeNull();
  });
  it('come from a link that is entered later, too', async () => {
    const all = await live();
    await answered(all, (playground) => {
      all.state.hash += '&claim=0.75:0.25';
      playground.linkChanged();
    });
    expect(all.playground.screen.claim).toEqual({ p });
  });
  it('do not belong to a text that is typed while the model loads', async () => {
    const { playground, engine } = setUp('#claim=0.75:0.25');
    const started = playground.start();
    playground.change(withText(playground.screen.doc, 'typed early'), 'type-a');
    await settle();
    engine.asked[0]!.answer();
    await started;
    expect(playground.screen.claim).toBeNull();
  });
  it('are ignored with a notice where they are no probabilities', async () => {
    const { playground, state } = await live('#claim=1.5:%3Cb%3E');
    expect(playground.screen).toMatchObject({ claim: null, notices: [{ kind: 'link-claim' }] });
    expect(state.hash).not.toContain('claim');
  });
});

describe('start', () => {
  it('opens the first task in full mode, with the panel on the flip node', async () => {
    const { playground, engine, state } = await live();
    expect(engine.asked[0]!.request).toMatchObject({ task: 'quote', a: 'quote a', b: null, target: node, head: null, edits: { mode: 'full', flip: false } });
    expect(playground.screen.phase).toBe('ready');
    expect(state.hash).toContain('task=quote');
  });
  it('follows the link, and checks its nodes against the model', async () => {
    const { playground } = await live('#task=brackets&off=0.mlp.post_act.2,5.mlp.post_act.2&flip=1&node=');
    expect(playground.screen.doc).toMatchObject({ task: 'brackets', node: null, edits: { off: ['0.mlp.post_act.2'], flip: true } });
    expect(playground.screen.notices.length).toBe(1);
  });
  it('keeps what is typed while the model loads', async () => {
    const { playground, engine } = setUp();
    const started = playground.start();
    playground.change(withText(playground.screen.doc, 'typed early'), 'type-a');
    await settle();
    expect(engine.asked[0]!.request.a).toBe('typed early');
    engine.asked[0]!.answer();
    await started;
    expect(playground.screen.doc.a).toBe('typed early');
  });
  it('checks the nodes of a link even if the user types before the model is loaded', async () => {
    const { playground, engine } = setUp('#off=0.mlp.post_act.2,9.mlp.post_act.1&node=9.mlp.post_act.1');
    const started = playground.start();
    playground.change(withText(playground.screen.doc, 'typed early'), 'type-a');
    await settle();
    engine.asked[0]!.answer();
    await started;
    await settle();
    expect(playground.screen.doc).toMatchObject({ a: 'typed early', node, edits: { off: ['0.mlp.post_act.2'] } });
  });
  it('never moves the progress bar back', async () => {
    const { playground } = setUp();
    const seen: number[] = [];
    playground.subscribe(() => playground.screen.progress && seen.push(playground.screen.progress.loaded));
    void playground.start();
    await settle();
    expect(seen).toEqual([...seen].sort((x, y) => x - y));
    expect(seen.at(-1)).toBe(3);
  });
  it('reports why it cannot start', async () => {
    const { playground } = setUp('', { fetchJson: async () => ({ version: 3 }) });
    await playground.start();
    expect(playground.screen).toMatchObject({ phase: 'error' });
    expect(playground.screen.failure).toContain('version 3');
  });
});

describe('requests and results', () => {
  it('is busy at once, and the last input wins', async () => {
    const { playground, engine, state } = await live();
    for (const text of ['1', '12', '123']) playground.change(withText(playground.screen.doc, text), 'type-a');
    expect(playground.screen.phase).toBe('busy');
    await settle();
    expect(engine.asked.length).toBe(2);
    engine.asked[1]!.answer();
    await settle();
    // The result for "1" is outdated and dropped. "123" is requested; "12" never was.
    expect(playground.screen).toMatchObject({ phase: 'busy', snapshot: { doc: { a: 'quote a' } } });
    expect(engine.asked[2]!.request.a).toBe('123');
    expect(state.hash).toContain('quote%20a');
    engine.asked[2]!.answer();
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'ready', snapshot: { doc: { a: '123' } } });
    expect(state.hash).toContain('a=123');
  });
  it('reports a failed run, keeps the numbers, and continues with the next input', async () => {
    const { playground, engine } = await live();
    playground.change(withText(playground.screen.doc, 'x'), 'type-a');
    await settle();
    engine.asked[1]!.refuse('no tokenizer');
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'error', failure: 'no tokenizer', snapshot: { doc: { a: 'quote a' } }, doc: { a: 'x' } });
    playground.change(withText(playground.screen.doc, 'xy'), 'type-a');
    await settle();
    engine.asked[2]!.answer();
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'ready', failure: null, snapshot: { doc: { a: 'xy' } } });
  });
});

describe('slow runs', () => {
  it('show the bars first, the graph in the next frame, and are ready only then', async () => {
    let paint = () => {};
    const { playground, engine, state } = await live('', { nextPaint: () => new Promise((done) => (paint = done)) });
    const { screen: before } = playground;
    playground.change(withText(playground.screen.doc, 'x'), 'type-a');
    await settle();
    engine.asked[1]!.answer();
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'busy', snapshot: { doc: { a: 'x' } } });
    expect(playground.screen.painted).toBe(before.painted);
    paint();
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'ready', painted: { doc: { a: 'x' } } });
    expect(state.hash).toContain('a=x');
  });
  it('skip the graph while the user keeps typing', async () => {
    const { playground, engine } = await live('', { nextPaint: () => new Promise(() => {}) });
    playground.change(withText(playground.screen.doc, 'x'), 'type-a');
    await settle();
    engine.asked[1]!.answer();
    await settle();
    playground.change(withText(playground.screen.doc, 'xy'), 'type-a');
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'busy', painted: { doc: { a: 'quote a' } } });
    expect(engine.asked[2]!.request.a).toBe('xy');
  });
  it('but a quick run shows both in the same frame, the bars at once', async () => {
    let frame = () => {};
    const { playground, engine } = await live('', { now: () => 0, nextFrame: () => new Promise((done) => (frame = done)), nextPaint: () => new Promise(() => {}) });
    playground.change(withText(playground.screen.doc, 'x'), 'type-a');
    await settle();
    engine.asked[1]!.answer();
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'busy', snapshot: { doc: { a: 'x' } } });
    frame();
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'ready', painted: { doc: { a: 'x' } } });
  });
});

describe('the backend', () => {
  it('is the engine\'s choice, and the numbers are asked for again when it changes', async () => {
    const { playground, engine, state } = await live();
    expect(playground.screen.backend).toEqual(onCpu);
    engine.tellBackend({ ...onCpu, reason: { kind: 'absent' } });
    await settle();
    expect(engine.asked.length).toBe(1);
    engine.tellBackend(onWebGpu);
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'busy', backend: onWebGpu });
    engine.asked[1]!.answer();
    await settle();
    expect(playground.screen.phase).toBe('ready');
    expect(state.hash).not.toContain('backend=');
  });
  it('is the one in the link when it is loaded; until then the page runs on the other but is not ready', async () => {
    const { playground, engine, state } = await live('#backend=webgpu&flip=1');
    expect(engine.preferences).toEqual(['webgpu']);
    expect(playground.screen).toMatchObject({ phase: 'busy', snapshot: { doc: { edits: { flip: true } } } });
    engine.tellBackend(onWebGpu);
    engine.settled();
    await settle();
    for (const asked of engine.asked.slice(1)) asked.answer();
    await settle();
    for (const asked of engine.asked.slice(2)) asked.answer();
    await settle();
    expect(playground.screen).toMatchObject({ phase: 'ready', backend: onWebGpu, doc: { edits: { flip: true } } });
    expect(state.hash).toContain('backend=webgpu');
  });
  it('is the user’s choice, which is written to the link and changes nothing else', async () => {
    const { playground, engine, state } = await live();
    playground.change(withNode(playground.screen.doc, null), 'select');
    await settle();
    engine.asked[1]!.answer();
    await settle();
    const { doc } = playground.screen;
    void playground.useBackend('cpu');
    engine.settled();
    await settle();
    engine.asked[2]!.answer();
    await settle();
    expect(engine.preferences).toEqual(['cpu']);
    expect(state.hash).toContain('backend=cpu');
    expect(playground.screen).toMatchObject({ phase: 'ready', doc, canUndo: false });
    state.hash = state.hash.replace('&backend=cpu', '');
    playground.linkChanged();
    expect(engine.preferences).toEqual(['cpu', null]);
  });
});

describe('an engine that was restarted', () => {
  it('leaves its cause on the screen, and the state as it was', async () => {
    const { playground } = await live();
    const before = playground.screen;
    expect(before.restart).toBeNull();
    playground.engineRestarted('unreachable');
    expect(playground.screen).toEqual({ ...before, restart: 'unreachable' });
  });
});

describe('undo and reset', () => {
  it('go back', async () => {
    const { playground } = await live();
    playground.change(withFlip(playground.screen.doc, true), 'flip');
    playground.openTask('brackets');
    expect(playground.screen.doc).toMatchObject({ task: 'brackets', a: 'brackets a', edits: { flip: false } });
    playground.undo();
    expect(playground.screen.doc).toMatchObject({ task: 'quote', edits: { flip: true } });
    playground.reset();
    expect(playground.screen.doc).toMatchObject({ task: 'quote', a: 'quote a', edits: { flip: false } });
    playground.undo();
    playground.undo();
    expect(playground.screen).toMatchObject({ canUndo: false, doc: { edits: { flip: false } } });
  });
  it('writes the list into the link without a run and without a step of undo, and opens it again', async () => {
    const { playground, engine, state } = await live();
    playground.change(withList(playground.screen.doc, true), 'select');
    expect(state.hash).toContain('list=1');
    expect(playground.screen).toMatchObject({ phase: 'ready', canUndo: false });
    expect(engine.asked.length).toBe(1);
    expect((await live(state.hash)).playground.screen.doc.list).toBe(true);
  });
  it('does not count a selection as a step', async () => {
    const { playground } = await live();
    playground.change(withNode(playground.screen.doc, null), 'select');
    expect(playground.screen.canUndo).toBe(false);
  });
});

describe('a dense twin with its own sparse model', () => {
  const twin = { dense: 'd.safetensors', denseBytes: 1, bridge: 'b.safetensors', bridgeBytes: 1 };
  const two: Manifest = { ...manifest, models: [manifest.models[0]!, { ...manifest.models[0]!, file: 'bridged.safetensors', default: false, twin, tasks: [listedTask('quote')] }] };
  const fetchJson = async () => two;
  const answered = async (engine: Held) => {
    await settle();
    engine.asked.at(-1)!.answer();
    await settle();
  };

  it('switches to the sparse model that was trained with it, and back: the text goes along, changes of nodes and undo come back', async () => {
    const { playground, engine, state } = await live('', { fetchJson });
    const typed = withFlip(withText(playground.screen.doc, 'typed'), true);
    playground.change({ ...typed, edits: { ...typed.edits, off: [node] } }, 'type-a');
    await answered(engine);
    playground.change(withTwin(playground.screen.doc, true), 'select');
    expect(playground.screen).toMatchObject({ phase: 'loading', snapshot: null, canUndo: false });
    await answered(engine);
    expect(engine.opened).toEqual(['m.safetensors', 'bridged.safetensors']);
    expect(playground.screen).toMatchObject({
      phase: 'ready', model: { file: 'bridged.safetensors' },
      doc: { task: 'quote', a: 'typed', node, edits: { flip: true, off: [] }, twin: { steer: 1, channel: null, boundary: null } },
    });
    expect(playground.screen.tasks.map((one) => one.name)).toEqual(['quote']);
    expect(state.hash).toContain('twin=1');
    playground.change(withTwin(playground.screen.doc, false), 'select');
    await answered(engine);
    expect(engine.opened.at(-1)).toBe('m.safetensors');
    expect(playground.screen).toMatchObject({ phase: 'ready', canUndo: true, doc: { a: 'typed', twin: null, edits: { flip: true, off: [node] } } });
    playground.change(withTwin(playground.screen.doc, true), 'select');
    await answered(engine);
    playground.change(withText(playground.screen.doc, 'typed there'), 'type-a');
    await answered(engine);
    playground.change(withTwin(playground.screen.doc, false), 'select');
    await answered(engine);
    expect(playground.screen.doc).toMatchObject({ a: 'typed there', edits: { off: [node] } });
    playground.undo();
    await answered(engine);
    expect(playground.screen.doc).toMatchObject({ a: 'typed', edits: { off: [node] } });
    playground.undo();
    await answered(engine);
    expect(playground.screen.doc).toMatchObject({ a: 'quote a', edits: { flip: false, off: [] } });
  });
  it('follows the link and the back button', async () => {
    const { playground, engine, state } = await live('#task=quote&twin=1&steer=0.5', { fetchJson });
    expect(engine.opened).toEqual(['bridged.safetensors']);
    expect(playground.screen.doc.twin).toEqual({ steer: 0.5, channel: null, boundary: null });
    state.hash = '#task=brackets';
    playground.linkChanged();
    await answered(engine);
    expect(engine.opened).toEqual(['bridged.safetensors', 'm.safetensors']);
    expect(playground.screen.doc).toMatchObject({ task: 'brackets', a: 'brackets a', twin: null });
  });
  it('stays closed for a task that it was not trained for: the link opens the task and says so', async () => {
    const { playground, engine, state } = await live('#task=brackets&a=mine&twin=1', { fetchJson });
    expect(engine.opened).toEqual(['m.safetensors']);
    expect(playground.screen).toMatchObject({ doc: { task: 'brackets', a: 'mine', twin: null }, notices: [{ kind: 'twin-task', task: 'brackets' }] });
    expect(state.hash).not.toContain('twin');
  });
  it('is left out, with the nodes of its model, where the page has none', async () => {
    const { playground, engine, state } = await live(`#task=brackets&a=mine&mode=circuit&twin=1&off=${node}`);
    expect(engine.opened).toEqual(['m.safetensors']);
    expect(playground.screen).toMatchObject({ doc: { task: 'brackets', a: 'mine', twin: null, edits: { mode: 'circuit', off: [] } }, notices: [{ kind: 'twin-missing' }] });
    expect(state.hash).not.toContain('twin');
  });
  it('drops late results of the previous model', async () => {
    const { playground, engine } = await live('', { fetchJson });
    playground.change(withText(playground.screen.doc, 'on its way'), 'type-a');
    await settle();
    const late = engine.asked.at(-1)!;
    playground.change(withTwin(playground.screen.doc, true), 'select');
    late.answer();
    await settle();
    expect(playground.screen.snapshot).toBeNull();
    await answered(engine);
    expect(playground.screen).toMatchObject({ phase: 'ready', model: { file: 'bridged.safetensors' }, snapshot: { doc: { a: 'on its way' } } });
  });
  it('keeps a text that is too long for a link', async () => {
    const { playground, engine } = await live('', { fetchJson });
    const long = '\u6587'.repeat(20_000);
    playground.change(withText(playground.screen.doc, long), 'type-a');
    await answered(engine);
    playground.change(withTwin(playground.screen.doc, true), 'select');
    await answered(engine);
    expect(playground.screen).toMatchObject({ model: { file: 'bridged.safetensors' }, doc: { a: long, twin: { steer: 0 } } });
  });
  it('ends on the last model in the address bar, even if it changes while a model loads', async () => {
    const { playground, engine, state } = setUp('#task=quote&twin=1', { fetchJson });
    const open = engine.open.bind(engine);
    let go!: () => void;
    engine.open = async (...all) => {
      await new Promise<void>((done) => (go = done));
      return open(...all);
    };
    void playground.start();
    await settle();
    state.hash = '#task=brackets';
    playground.linkChanged();
    go();
    await settle();
    go();
    await answered(engine);
    expect(engine.opened).toEqual(['bridged.safetensors', 'm.safetensors']);
    expect(playground.screen).toMatchObject({ phase: 'ready', model: { file: 'm.safetensors' }, doc: { task: 'brackets', twin: null } });
  });
  it('opens a task that is chosen while the model loads on a node of that model', async () => {
    const { playground, engine } = await live('', { fetchJson: async () => ({ ...two, models: [two.models[0]!, { ...two.models[1]!, tasks: two.models[0]!.tasks }] }) });
    playground.openTask('brackets');
    await answered(engine);
    playground.change(withTwin(playground.screen.doc, true), 'select');
    playground.openTask('quote');
    expect(playground.screen.doc.node).toBeNull();
    await answered(engine);
    expect(playground.screen).toMatchObject({ phase: 'ready', model: { file: 'bridged.safetensors' }, doc: { task: 'quote' } });
  });
  it('continues with the default model if the other one cannot be loaded, by the button and by a link', async () => {
    for (const linked of [false, true]) {
      const { playground, engine, state } = setUp(linked ? '#task=quote&a=mine&twin=1' : '#task=quote&a=mine', { fetchJson });
      const open = engine.open.bind(engine);
      engine.open = async (...all) => (all[1].file === 'bridged.safetensors' ? Promise.reject(new Error('bridged.safetensors is gone.')) : open(...all));
      void playground.start();
      await answered(engine);
      if (!linked) {
        playground.change(withTwin(playground.screen.doc, true), 'select');
        await answered(engine);
      }
      expect(playground.screen).toMatchObject({
        phase: 'ready', model: { file: 'm.safetensors' }, doc: { a: 'mine', twin: null }, notices: [{ kind: 'twin-lost', error: 'bridged.safetensors is gone.' }],
      });
      expect(state.hash).not.toContain('twin');
    }
  });
  it('opens again by another link after a failure', async () => {
    const { playground, engine, state } = setUp('', { fetchJson });
    const open = engine.open.bind(engine);
    engine.open = async () => Promise.reject(new Error('no network'));
    await playground.start();
    expect(playground.screen).toMatchObject({ phase: 'error', failure: 'no network' });
    engine.open = open;
    state.hash = '#task=brackets';
    playground.linkChanged();
    await answered(engine);
    expect(playground.screen).toMatchObject({ phase: 'ready', failure: null, doc: { task: 'brackets' } });
  });
});
