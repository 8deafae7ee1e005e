import { describe, expect, it } from 'vitest';
import type { TwinEngine } from '../../engine/api';
import type { CircuitInfo, HybridView, TwinRequest, TwinView } from '../../engine/protocol';
import { parseNode } from '../../domain/nodes';
import { opening, withSteer, withText, withTwin } from '../../state/document';
import type { Screen } from '../../state/screen';
import { channelOf, RANDOM, STRENGTHS, TwinRunner } from './twin-runner';

const circuit = {
  nodes: ['0.attn.act_in.3', '0.attn.q.1', '1.mlp.act_in.5', '1.mlp.resid_delta.5'].map((node) => ({ node, site: parseNode(node)!.site })),
} as unknown as CircuitInfo;
const source: NonNullable<Screen['twin']> = { base: 'http://host/models/', listed: {} as NonNullable<Screen['twin']>['listed'] };
const prompt = (text: string) => ({ text, tokens: [...text].map((char) => ({ id: char.charCodeAt(0), text: char })), cut: 0 });
const doc = withTwin(opening('quote', 'ab', null), true);

/** A screen whose snapshot belongs to `of`, which may be another text than the current one. */
const screen = (of = doc, shown = of, b: string | null = 'ac'): Screen => ({
  doc: of, placeholder: false,
  snapshot: { doc: shown, task: { name: shown.task, circuit, candidateIds: [7, 8] }, result: { a: prompt(shown.a), b: b === null ? null : prompt(b) } },
}) as unknown as Screen;

/** An engine that answers only when the test allows it. Each probability encodes its request. */
class Held implements TwinEngine {
  asked: { ask: TwinRequest | 'hybrid'; answer(): void; refuse(why: string): void }[] = [];
  channels: Record<string, string> = { quote: '1.mlp.act_in.5' };
  async open(_base: string, _listed: unknown, tell: (progress: { loaded: number; total: number }) => void) {
    tell({ loaded: 2, total: 3 });
    tell({ loaded: 1, total: 3 });
    return this.channels;
  }
  steer(ask: TwinRequest): Promise<TwinView> {
    const view: TwinView = {
      before: [0.9, 0.1],
      curve: ask.b ? ask.strengths.map((strength) => [1 - strength, strength]) : [],
      random: ask.b ? Array.from({ length: ask.random }, () => [0.8, 0.2]) : [],
      others: ask.b ? ask.others.map((node) => ({ node, p: [0.7, 0.3] as [number, number] })) : [],
    };
    return new Promise((resolve, reject) => this.asked.push({ ask, answer: () => resolve(view), refuse: (why) => reject(new Error(why)) }));
  }
  hybrid(): Promise<HybridView> {
    return new Promise((resolve, reject) =>
      this.asked.push({
        ask: 'hybrid',
        answer: () => resolve({ sparse: [1, 0], dense: [1, 0], sparseToDense: [[1, 0]], denseToSparse: [[1, 0]] }),
        refuse: (why) => reject(new Error(why)),
      }));
  }
}

const settle = () => new Promise((done) => setTimeout(done));

async function opened(first = screen()) {
  const engine = new Held();
  const seen: (number | null)[] = [];
  const twin: TwinRunner = new TwinRunner(engine, () => seen.push(twin.screen.progress?.loaded ?? null), 20);
  twin.follow(first);
  await twin.open(source);
  await settle();
  return { engine, twin, seen };
}

/** Answers all requests until none is left. */
async function drain(engine: Held): Promise<(TwinRequest | 'hybrid')[]> {
  const all: (TwinRequest | 'hybrid')[] = [];
  while (engine.asked.length > 0) {
    const { ask, answer } = engine.asked.shift()!;
    all.push(ask);
    answer();
    await settle();
  }
  return all;
}

describe('the channel', () => {
  it('is the user’s choice if the circuit reads it, else the bridge’s, else the first read', () => {
    expect(channelOf(circuit, '0.attn.act_in.3', '1.mlp.act_in.5')).toBe('0.attn.act_in.3');
    expect(channelOf(circuit, '0.attn.q.1', '1.mlp.act_in.5')).toBe('1.mlp.act_in.5');
    expect(channelOf(circuit, null, '2.mlp.act_in.9')).toBe('0.attn.act_in.3');
    expect(channelOf({ nodes: [] } as unknown as CircuitInfo, null, undefined)).toBeNull();
  });
});

describe('the twin', () => {
  it('requests the slider’s number first and alone, then everything else, then nothing', async () => {
    const { engine, twin, seen } = await opened();
    expect(seen).not.toContain(1);
    const asked = await drain(engine);
    const steers = asked.filter((ask): ask is TwinRequest => ask !== 'hybrid');
    expect(steers.map((ask) => [ask.strengths, ask.others, ask.random])).toEqual([
      [[0], [], 0], [[...STRENGTHS], [], 0], [[], [], RANDOM], [[], ['0.attn.act_in.3'], 0]]);
    expect(twin.screen.snapshot!.curve).toEqual(STRENGTHS.map((strength) => ({ strength, p: [1 - strength, strength] })));
    expect(new Set(steers.map((ask) => ask.node))).toEqual(new Set(['1.mlp.act_in.5']));
    expect(asked.at(-1)).toBe('hybrid');
    expect(twin.screen.phase).toBe('ready');
    expect(twin.screen.snapshot?.random).toHaveLength(RANDOM);
    twin.follow(screen());
    expect(engine.asked).toHaveLength(0);
  });

  it('requests one exact number when the slider moves, and keeps the other results', async () => {
    const { engine, twin } = await opened();
    await drain(engine);
    twin.follow(screen(withSteer(doc, 0.37)));
    expect(twin.screen.phase).toBe('busy');
    const asked = await drain(engine);
    expect(asked.map((ask) => ask !== 'hybrid' && ask.strengths)).toEqual([[0.37]]);
    expect(twin.screen.snapshot?.p).toEqual([0.63, 0.37]);
    expect(twin.screen.snapshot?.curve).toHaveLength(STRENGTHS.length);
    expect(twin.screen.phase).toBe('ready');
  });

  it('lets a moved slider wait for at most one request, and drops results of an older channel', async () => {
    const { engine, twin } = await opened();
    engine.asked.shift()!.answer();
    await settle();
    const curve = engine.asked.shift()!;
    twin.follow(screen({ ...doc, twin: { steer: 1, boundary: null, channel: '0.attn.act_in.3' } }));
    curve.answer();
    await settle();
    expect(engine.asked).toHaveLength(1);
    expect(engine.asked[0]!.ask).toMatchObject({ node: '0.attn.act_in.3', strengths: [1] });
    expect(twin.screen.snapshot?.curve).toBeNull();
    await drain(engine);
    expect(twin.screen.snapshot?.case.channel).toBe('0.attn.act_in.3');
  });

  it('waits for the sparse model’s result and for a pause in typing', async () => {
    const { engine, twin } = await opened();
    await drain(engine);
    const typed = withText(doc, 'abc');
    twin.follow(screen(typed, doc));
    expect(twin.screen.phase).toBe('busy');
    twin.follow(screen(typed));
    await settle();
    expect(engine.asked).toHaveLength(0);
    await new Promise((done) => setTimeout(done, 40));
    expect(engine.asked[0]!.ask).toMatchObject({ a: [97, 98, 99] });
    await drain(engine);
    expect(twin.screen.phase).toBe('ready');
  });

  it('without a counterfactual, runs the dense model without steering, and the hybrid passes', async () => {
    const { engine, twin } = await opened(screen(doc, doc, null));
    const asked = await drain(engine);
    expect(asked).toHaveLength(2);
    expect(twin.screen.snapshot).toMatchObject({ before: [0.9, 0.1], p: [0.9, 0.1], curve: null, random: null });
    expect(twin.screen.snapshot?.hybrid).not.toBeNull();
    expect(twin.screen.phase).toBe('ready');
  });

  it('reports an error and continues with the next request', async () => {
    const { engine, twin } = await opened();
    engine.asked.shift()!.refuse('The logits are no finite numbers.');
    await settle();
    expect(twin.screen).toMatchObject({ phase: 'error', failure: 'The logits are no finite numbers.' });
    twin.follow(screen());
    expect(engine.asked).toHaveLength(0);
    twin.follow(screen(withSteer(doc, 0.5)));
    await drain(engine);
    expect(twin.screen).toMatchObject({ phase: 'ready', failure: null });
  });

  it('reports files that cannot be loaded', async () => {
    const engine = new Held();
    engine.open = () => Promise.reject(new Error('dense.safetensors could not be loaded: no connection.'));
    const twin = new TwinRunner(engine, () => {});
    await twin.open(source);
    expect(twin.screen).toMatchObject({ phase: 'error', failure: 'dense.safetensors could not be loaded: no connection.' });
  });
});
