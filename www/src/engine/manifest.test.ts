import { describe, expect, it } from 'vitest';
import posterJson from '../../../models/poster.json?raw';
import { manifest as texts } from '../text/en';
import { defaultModel, readManifest, readPlaceholder } from './manifest';

const prompt = { text: "print('hi", tokens: [{ id: 5, text: 'print' }], cut: 0 };
const task = {
  name: 'single_double_quote', title: 'Close the quote', sentence: 'This model closes a quote.', explanation: 'Text.',
  flipLabel: 'Flip the quote', candidates: ["')", '")'], candidateIds: [4, 5], circuit: 'circuits/single_double_quote.json', inactive: [],
  bytes: 10, start: '0.attn.v.1', presets: [{ a: prompt, b: prompt, answer: 1 }, { a: prompt, b: prompt, answer: 0, fails: true }],
};
const model = { file: 'default.safetensors', default: true, bytes: 10, tokenizer: 'tokenizer.json', tokenizerBytes: 3, tasks: [task] };
const manifest = { version: 1, models: [{ ...model, default: false, file: 'other.safetensors' }, model] };

describe('readManifest', () => {
  it('reads what it should', () => {
    const read = readManifest(manifest);
    expect(defaultModel(read).file).toBe('default.safetensors');
    expect(read.poster).toBeNull();
    expect(defaultModel(read).tasks[0]).toEqual(task);
  });
  const twin = { dense: 'dense.safetensors', denseBytes: 20, bridge: 'bridge.safetensors', bridgeBytes: 7 };
  it('reads a dense twin where there is one', () => {
    expect(defaultModel(readManifest(manifest))).not.toHaveProperty('twin');
    expect(readManifest({ version: 1, models: [{ ...model, twin }] }).models[0]!.twin).toEqual(twin);
  });
  const broken: [string, unknown, RegExp | string][] = [
    ['null', null, texts.wanted.object],
    ['a list', [], texts.wanted.object],
    ['another version', { ...manifest, version: 2 }, texts.version('2')],
    ['no model', { version: 1, models: [] }, texts.noModel],
    ['a way out of the folder', { version: 1, models: [{ ...model, file: '../secret' }] }, /models\[0\]\.file/],
    ['another origin', { version: 1, models: [{ ...model, file: '//host/x' }] }, /models\[0\]\.file/],
    ['a negative size', { version: 1, models: [{ ...model, bytes: -1 }] }, /bytes/],
    ['a file without bytes', { version: 1, models: [{ ...model, bytes: 0 }] }, /models\[0\]\.bytes/],
    ['a file above the limit', { version: 1, models: [{ ...model, bytes: 2 ** 30 + 1 }] }, /models\[0\]\.bytes/],
    ['a size beyond whole numbers', { version: 1, models: [{ ...model, bytes: 1e300 }] }, /models\[0\]\.bytes/],
    ['a circuit above the limit', { version: 1, models: [{ ...model, tasks: [{ ...task, bytes: 2 ** 31 }] }] }, /tasks\[0\]\.bytes/],
    ['a dense model above the limit', { version: 1, models: [{ ...model, twin: { ...twin, denseBytes: 2 ** 31 } }] }, /twin\.denseBytes/],
    ['files that are too large together', { version: 1, models: [{ ...model, bytes: 2 ** 30, twin: { ...twin, denseBytes: 2 ** 30 } }] }, /models\[0\]/],
    ['a token beyond 32 bits', { version: 1, models: [{ ...model, tasks: [{ ...task, presets: [{ a: { ...prompt, tokens: [{ id: 2 ** 32, text: '' }] }, b: prompt }] }] }] }, /tokens\.id/],
    ['a candidate that is no token', { version: 1, models: [{ ...model, tasks: [{ ...task, candidateIds: [4, -1] }] }] }, /candidateIds/],
    ['a candidate between tokens', { version: 1, models: [{ ...model, tasks: [{ ...task, candidateIds: [4, 5.5] }] }] }, /candidateIds/],
    ['a size that is no number', { version: 1, models: [{ ...model, bytes: '10' }] }, /bytes/],
    ['a twin without a bridge', { version: 1, models: [{ ...model, twin: { ...twin, bridge: undefined } }] }, /twin\.bridge/],
    ['a twin from elsewhere', { version: 1, models: [{ ...model, twin: { ...twin, dense: 'https://host/x' } }] }, /twin\.dense/],
    ['a twin of no size', { version: 1, models: [{ ...model, twin: { ...twin, denseBytes: 1.5 } }] }, /twin\.denseBytes/],
    ['no presets', { version: 1, models: [{ ...model, tasks: [{ ...task, presets: [] }] }] }, /presets/],
    ['no first node', { version: 1, models: [{ ...model, tasks: [{ ...task, start: undefined }] }] }, /start/],
    ['one candidate', { version: 1, models: [{ ...model, tasks: [{ ...task, candidates: ['x'] }] }] }, /candidates/],
    ['an answer other than 0 and 1', { version: 1, models: [{ ...model, tasks: [{ ...task, presets: [{ a: prompt, b: prompt, answer: 2 }] }] }] }, /presets\[0\]\.answer/],
    ['tokens without ids', { version: 1, models: [{ ...model, tasks: [{ ...task, presets: [{ a: { ...prompt, tokens: [{}] }, b: prompt }] }] }] }, /tokens/],
  ];
  it.each(broken)('refuses %s with a sentence', (_what, json, message) => {
    expect(() => readManifest(json)).toThrow(message);
  });
});

describe('readPlaceholder', () => {
  const poster = JSON.parse(posterJson) as { view: Record<string, unknown>; circuit: Record<string, unknown> };
  it('reads the shipped file', () => {
    const { view, circuit } = readPlaceholder(poster);
    expect(view.readAt.length).toBe(circuit.nodes.length);
    expect(view.full.p).toEqual(view.p);
    expect(view.baseline).toBeNull();
  });
  const numbers = (poster.view['readAt'] as number[]).map(() => 0);
  it.each<[string, Record<string, unknown>]>([
    ['score', { score: null }],
    ['full', { full: { p: [0.5, 0.5], values: [] } }],
    ['full', { full: { p: [1], values: numbers } }],
    ['marked', { marked: poster.view['tokens'] }],
    ['readAt', { readAt: [] }],
    ['readAt', { readAt: numbers.map(() => -1) }],
    ['passedOn', { passedOn: numbers.map(() => 'x') }],
    ['passedOn', { passedOn: undefined }],
  ])('refuses a wrong view.%s', (key, change) => {
    expect(() => readPlaceholder({ ...poster, view: { ...poster.view, ...change } })).toThrow(`view.${key}`);
  });
  it.each<[string, Record<string, unknown>]>([
    ['std', { std: null }],
    ['handwritten', { handwritten: 0.9 }],
    ['handwritten.circuit', { handwritten: { full: 1 } }],
  ])('refuses a wrong circuit.%s', (key, change) => {
    expect(() => readPlaceholder({ ...poster, circuit: { ...poster.circuit, ...change } })).toThrow(`circuit.${key}`);
  });
});
