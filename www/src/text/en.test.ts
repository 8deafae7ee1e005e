/** The string table: one snapshot of all texts. A changed text shows here and in no other test. */
import { expect, it } from 'vitest';
import type { Notice } from '../domain/notices';
import type { BackendState, CircuitInfo, Label, ModelInfo, TermSource, ValueNote } from '../engine/protocol';
import * as en from './en';
import { plainText, type Span } from './rich-text';

const quotes = { a: "('", b: '("' };
const circuit = { nodes: Array(12), edges: Array(1234), scale: 1.5, shift: -0.25, std: 1.05 } as unknown as CircuitInfo;
const model = { layers: 2, width: 256, nonzeros: 82_100 } as ModelInfo;
const moved = { from: 1.33, to: -0.09 };
const progress = { loaded: 1.2e6, total: 3.4e6 };

const told = (more: Partial<en.Told>): en.Told => ({
  candidates: ["')", '")'], mode: 'full', p: [0.978, 0.022], winner: 0, right: null, wrong: false, full: null, fullWinner: 0, untouched: null, ...more,
});

/** Arguments of each text that is a function: one call each, or several where the text depends on them. */
const CALLS: Record<string, unknown[][]> = {
  'page.circuitOf': [[12, 4224, true], [28, 4224, false]],
  'files.lost': [['model.json', 404], ['model.json', null]],
  'files.notJson': [['model.json']],
  'files.unusable': [['model.safetensors', 'Why.']],
  'download.badSize': [['model.safetensors', -1, 1024]],
  'download.status': [['model.safetensors', 404]],
  'download.otherSize': [['model.safetensors', 4, 5]],
  'download.tooLong': [['model.safetensors', 5]],
  'download.stopped': [['model.safetensors', 2, 5]],
  'download.tooShort': [['model.safetensors', 2, 5]],
  'download.noConnection': [['model.safetensors']],
  'download.noMemory': [['model.safetensors', 5]],
  'manifest.version': [['2']],
  'manifest.wrong': [['models', 'a list']],
  'manifest.wanted.integer': [[1, 9]],
  'manifest.wanted.total': [[1024]],
  'manifest.wanted.numbers': [[24]],
  'engine.why': ([
    { name: 'cpu', reason: { kind: 'first' } },
    { name: 'cpu', reason: { kind: 'chosen' } },
    { name: 'cpu', reason: { kind: 'measured', cpu: 1.04, webgpu: 9, software: false } },
    { name: 'cpu', reason: { kind: 'measured', cpu: 1.04, webgpu: 9, software: true } },
    { name: 'webgpu', reason: { kind: 'measured', cpu: 120, webgpu: 9, software: false } },
    { name: 'cpu', reason: { kind: 'absent' } },
    { name: 'cpu', reason: { kind: 'no adapter' } },
    { name: 'cpu', reason: { kind: 'failed', error: 'the compute device failed: the device was lost: gone' } },
  ] satisfies Omit<BackendState, 'other'>[]).map((state) => [state]),
  'engine.restarted': [['unreachable'], ['']],
  'engine.failure': [['not started', 'Why'], ['failed', 'Why'], ['stopped', '']],
  'engine.noWasm': [['TypeError']],
  'engine.tokenizerLost': [['TypeError']],
  'engine.noTask': [['model.safetensors', 'quote']],
  'twin.failure': [['failed', 'Why'], ['stopped', '']],
  'twin.noFiles': [['model.safetensors']],
  'twin.noWasm': [['TypeError']],
  'twin.unusable': [['dense.safetensors', 'bridge.safetensors', 'Why.']],
  'prompts.tokensOf': [[1], [12]],
  notice: ([
    { kind: 'link-long' },
    ...(['link-version', 'link-task', 'link-mode', 'link-flip', 'link-node', 'link-token', 'link-backend', 'link-twin', 'link-steer', 'link-channel'] as const).map(
      (kind) => ({ kind, value: 'x' })),
    { kind: 'link-cut', prompt: 'a', characters: 16_384 },
    { kind: 'link-encoding', key: 'a' },
    { kind: 'link-nodes', key: 'off', value: 'x', more: 0, limit: null },
    { kind: 'link-nodes', key: 'set', value: 'x', more: 2, limit: 1000 },
    { kind: 'twin-lost', error: 'dense.safetensors is gone.' },
    { kind: 'prompt-empty' },
    { kind: 'prompt-cut', tokens: 20, context: 128 },
    { kind: 'prompt-cut', tokens: 20, context: null },
    { kind: 'prompt-b-cut', tokens: 20 },
    { kind: 'prompt-not-ascii' },
    { kind: 'flip-unavailable', reason: null },
  ] satisfies Notice[]).map((notice) => [notice]),
  sayBlank: [['   '], ['\n\n\t'], ['x']],
  'prediction.was': [[0.022]],
  'prediction.announced': [[["')", '")'], [0.978, 0.022]]],

  'prediction.fullModel': [[0.915]],
  'prediction.unlikely': [[0.0004, false], [0.0004, true]],
  'flip.copies': [[1], [4]],
  'flip.rates': [[0.99, 0.87, true], [0.99, 0.87, false]],
  'contrast.after': [[quotes], [{ a: '', b: 'if' }]],
  'contrast.where': [[quotes], [{ a: 'if', b: '' }], [{ a: '', b: 'if' }]],
  'summary.noTask': [[null], ['Why.']],
  'summary.prefers': [[told({}), quotes], [told({ wrong: true, right: 1 }), null]],
  'summary.level': [[told({ p: [0.52, 0.48] })]],
  'summary.flipChanges': [[["layer 1's write to channel 92"]], [['one', 'two']]],
  'summary.circuitAlone': [
    [told({ mode: 'circuit', full: [0.9, 0.1] })],
    [told({ mode: 'circuit', full: [0.9, 0.1], wrong: true, right: 1 })],
    [told({ mode: 'circuit', full: [0.1, 0.9], fullWinner: 1, wrong: true, right: 1 })],
    [told({ mode: 'circuit', full: [0.1, 0.9], fullWinner: 1, right: 0 })],
    [told({ mode: 'circuit', full: [0.1, 0.9], fullWinner: 1 })],
  ],
  'summary.pushes': [["')", 0.04, 0.18], ["')", 0.18, 0.04]],
  'summary.removed': [[told({ mode: 'removed', full: [0.9, 0.1] })], [told({ mode: 'removed', full: [0.1, 0.9], fullWinner: 1, wrong: true, right: 1 })]],
  'summary.flipHeld': [[['quote type']], [['one', 'two']]],
  'summary.flipped': [[['quote type'], quotes, moved], [['one', 'two'], null, null]],
  'summary.off': [['quote type', 0.12, moved], ['quote type', undefined, null]],
  'summary.set': [['quote type', 1.5, moved], ['quote type', 1.5, null]],
  'summary.scaled': [['quote type', 2, { from: 1, to: 2 }]],
  'summary.patched': [['quote type', { from: 1, to: 1 }]],
  'summary.nodesChanged': [[3, false], [1, true]],
  'summary.effect': [
    [told({ untouched: [0.1, 0.9] })], [told({ untouched: [0.8, 0.2] })], [told({ untouched: [0.978, 0.022] })], [told({ mode: 'circuit', untouched: [0.1, 0.9] })],
    [told({ mode: 'removed', untouched: [0.99, 0.01], wrong: true, right: 1 })],
  ],
  'reliability.test': [[0.92, 1]],
  'reliability.both': [[0.92, 1, { circuit: 0.56, full: 0.94 }]],
  'modes.inactive': [[7]],
  'modes.fold': [[7]],
  'modes.unfold': [[21]],
  'nodes.placed': [[1, null, 'key 4.6'], [0, 'MLP', 'write 57']],
  'nodes.ofHead': [['key', 1, 3]],
  'nodes.plain': [['neuron', 863]],
  'nodes.read': [[17]],
  'nodes.write': [[17]],
  'nodes.inLayer': [[1, 'neuron 863']],
  'nodes.inStream': [[0, 'mlp.act_in']],
  'nodes.channelOfHead': [['key', 3, 1, 0, 'attn.k']],
  'nodes.inBlock': [['neuron', 0, 'mlp.post_act']],
  'badges.set': [[1.5]],
  'badges.scaled': [[2]],
  'graph.label': [[12, 34]],
  'graph.channel': [[17]],
  'graph.channelHint': [[17]],
  'graph.layer': [[1]],
  'graph.layerShort': [[1]],
  'graph.attentionHead': [[3]],
  'graph.token': [[4, true], [4, false]],
  'graph.weight': [[-0.5]],
  'graph.edge': [['read ch 1', 'neuron 2']],
  'graph.product': [[-0.5, 2]],
  'graph.node': [['neuron 2', '0.mlp.post_act.2', 1.5, 3, null], ['neuron 2', '0.mlp.post_act.2', 1.5, 3, 'off']],
  'graph.nodeHint': [['neuron 2', '', '0.mlp.post_act.2'], ['neuron 2', 'high at if', '0.mlp.post_act.2']],
  'graph.group': [[3, '0.mlp.post_act', 0], [3, '0.mlp.post_act', 2]],
  'graph.more': [[3]],
  'graph.head': [[3, [{ token: ' if', weight: 0.75 }], 0.25], [3, [{ token: ' if', weight: 1 }], null]],
  'graph.peak': [[0.75]],
  'graph.apart': [[-4.28]],
  'graph.openEnd': [["')"]],
  'graph.openScore': [[-1.51]],
  'graph.openHead': [[1, 4]],
  'graph.readAt': [[[12]], [[3, 13]]],
  'graph.readAtShort': [[[3, 13]]],
  'logit.title': [["')"]],
  'logit.of': [["')"]],
  'logit.probability': [["')"]],
  'pattern.title': [[1, 4]],
  'pattern.label': [[14]],
  'pattern.cell': [['b', 'a', 0.5]],
  'embedding.place': [[2]],
  'stepper.of': [[14]],
  'legend.noSignal': [[0], [0.02], [0.003]],
  'list.layer': [[1]],
  'list.to': [['neuron 2']],
  'panel.label': [['0.mlp.post_act.2']],
  'panel.valueAt': [[1.5]],
  'panel.token': [[' if', 1.5]],
  'panel.tokenHint': [[' if', 1.5]],
  'panel.attention': [[3]],
  'panel.attentionFrom': [[0.25]],
  'panel.attentionHint': [[' if', 0.75]],
  'panel.attentionShare': [[0.75]],
  'change.mean': [[0.12], [null]],
  'change.held': [[0.12, 1.5]],
  'change.flipped': [[1.5, -0.5]],
  'change.none': [[0.12, null], [null, 'Why.']],
  'change.off': [[0.12, 1.5]],
  'change.patchUnavailable': [['Why.']],
  'change.patchHeld': [[0.12]],
  'change.patched': [[1.5, -0.5]],
  'change.set': [[false, 0.12, 1.5], [true, 0.12, 1.5]],
  'change.scaled': [[false, 0.12, 1.5, 3], [true, 0.12, 1.5, 3]],
  'change.asNumber': [['Factor']],
  'terms.notes': ([[], [{ kind: 'reluZero' }], [{ kind: 'relu' }, { kind: 'kept', k: 64 }], [{ kind: 'gelu' }, { kind: 'dropped', k: 64 }]] satisfies ValueNote[][]).map((notes) => [notes]),
  'terms.inHint': [[false, false], [true, true]],
  'terms.mixed': [[{ token: 1, value: 1.185, attention: 0.967 }, "('", 1.144], [{ token: 1, value: 0.68, attention: 0.474 }, "('", null]],
  'terms.exact': [[0.5, null, 2, 1], [0.5, 6.66, 2, 6.66]],
  'terms.source': ([
    { kind: 'embedding' }, { kind: 'position' }, { kind: 'mean' }, { kind: 'streamChange' }, { kind: 'token', token: 2 }, { kind: 'bigram' }, { kind: 'others', count: 12 }, { kind: 'logit', candidate: 1 },
  ] satisfies TermSource[]).map((source) => [source, ["')", '")']]),
  doingOf: ([
    undefined,
    { kind: 'name', text: 'quote detector' },
    { kind: 'words', text: 'high at if' },
    { kind: 'measured' },
    { kind: 'measured', steady: 0.5 },
    { kind: 'measured', moment: { kind: 'at', level: 'high', tokens: ['("', " ('"] }, contrast: { kind: 'tokens', higher: '("', lower: "('" } },
    { kind: 'measured', moment: { kind: 'at', level: 'low', tokens: ['a', ' a'] }, contrast: { kind: 'answer', text: ' ==' } },
    { kind: 'measured', moment: { kind: 'from', level: 'low', token: '\n    ' } },
    { kind: 'measured', moment: { kind: 'leans', higher: 'b', lower: '):\n' } },
    { kind: 'measured', moment: { kind: 'leans', higher: null, lower: ' ' } },
  ] satisfies (Label | undefined)[]).map((label) => [{ label }]),
  'footer.time': [[0.5], [12.3]],
  'footer.use': [['webgpu']],
  'footer.state.loading': [[null, false], [null, true], [progress, false], [progress, true]],
  'footer.state.busy': [[null], [1.2e6]],
  'footer.state.ready': [[null], [1.2e6]],
  'about.size': [[circuit]],
  'about.calibration': [[circuit]],
  'about.accuracy': [[0.99, 0.97, 0.61]],
  'about.model': [[model]],
  'twin.codeLost': [['TypeError']],
  'twin.loading': [[null], [progress]],
  'twin.randomMedian': [[50]],
  'twin.randomBefore': [[0.02]],
  'twin.channelName': [[null, 126, 1, 'attn.act_in'], ['quote type', 3, 0, 'mlp.act_in']],
  'links.version': [['1.2.3']],
  'twin.now': [['")', 0, 0.02, 0.02], ['")', 0.35, 0.02, 0.2]],
  'twin.noRead': [['0.attn.q.1', null], ['0.attn.q.1', '0.attn.act_in.1']],
  'twin.strengthValue': [[0.35]],
  'twin.strengthSaid': [[0.35]],
  'twin.boundary': [[0], [1], [2], [3], [6]],
  'twin.off': [[null], ['There is no quote to swap.']],
  'twin.unmoved': [["')", 0.02]],
  'twin.hardlyMoved': [["')", 0.02, 0.03]],
  'twin.moved': [["')", 0.02, 0.97]],
  'twin.randomRange': [[50, 0.01, 0.03]],
  'twin.randomAsFar': [[50, 20]],
  'twin.randomFew': [[50, 1], [50, 2]],
  'twin.randomBelow': [[50, 0.03]],
  'twin.randomAbove': [[50, 0.9]],
  'twin.chart': [["')", [{ strength: 0, p: 0.02 }, { strength: 1, p: 0.97 }]]],
  'twin.chartRandom': [[0], [50]],
  'twin.chartOthers': [[1], [3]],
  'twin.randomDot': [[0.02]],
  'twin.otherDot': [['read ch 1', '0.attn.act_in.1', 0.02]],
  'twin.nowDot': [[0.02]],
};

/** Path and text of every entry. Bold parts, code and words of the glossary are marked, spaces that do not break as well. */
function* entries(value: unknown, path: string): Generator<string> {
  if (typeof value === 'function') {
    const calls = CALLS[path];
    if (!calls) throw new Error(`${path} has no call in the test of the string table`);
    for (const call of calls) yield `${path}: ${written((value as (...all: unknown[]) => unknown)(...call))}`;
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) yield* entries(inner, path === '' ? key : `${path}.${key}`);
  } else yield `${path}: ${written(value)}`;
}

function written(value: unknown): string {
  const spans = Array.isArray(value) ? (value as Span[]) : typeof value === 'object' && value !== null ? [value as Span] : [String(value)];
  return spans.map(marked).join('').replaceAll('\u00a0', '~');
}

function marked(span: Span): string {
  if (typeof span === 'string') return span;
  const words = plainText([span]);
  if ('code' in span) return span.strong ? `**\`${words}\`**` : `\`${words}\``;
  return 'term' in span ? `[${words}](${span.term})` : `**${words}**`;
}

it('is what it was', () => {
  expect([...entries({ ...en }, '')].join('\n')).toMatchSnapshot();
});

it('keeps the error of a device to one short line', () => {
  const line = en.engine.why({ name: 'cpu', reason: { kind: 'failed', error: `${'x'.repeat(500)}\nsecond` }, other: null });
  expect(line.length).toBeLessThan(200);
  expect(line).not.toContain('second');
});

it('calls nothing that is not there', () => {
  const find = (path: string) => path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], en);
  expect(Object.keys(CALLS).filter((path) => typeof find(path) !== 'function')).toEqual([]);
});
