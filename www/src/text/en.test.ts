/**
 * The texts, without their wording: which facts a text holds (numbers, names, code, words of the glossary, verdicts and directions), its
 * plural forms, and rules for every text. A new text needs no line here.
 */
import { describe, expect, it } from 'vitest';
import ts from 'typescript';
import type { BackendState, CircuitInfo, ModelInfo } from '../engine/protocol';
import * as en from './en';
import { plainText, type RichText, type Span } from './rich-text';

/** The text of each file of the catalogue. */
const sources = Object.values(import.meta.glob<string>('./en/*.ts', { query: '?raw', import: 'default', eager: true }));

const quotes = { a: "('", b: '("' };
const circuit = { nodes: Array(12), edges: Array(1234), scale: 1.5, shift: -0.25, std: 1.05 } as unknown as CircuitInfo;
const model = { layers: 2, width: 256, nonzeros: 82_100 } as ModelInfo;
const moved = { from: 1.33, to: -0.09 };
const progress = { loaded: 1.2e6, total: 3.4e6 };

const told = (more: Partial<en.Told>): en.Told => ({
  candidates: ["')", '")'], mode: 'full', p: [0.978, 0.022], winner: 0, right: null, wrong: false, full: null, fullWinner: 0, untouched: null, ...more,
});
const runs = (name: 'cpu' | 'webgpu', reason: BackendState['reason']): BackendState => ({ name, reason, other: null });

/** Words that turn a sentence into its opposite. */
const VERDICTS = ['wrong', 'right', 'agree', 'disagree', 'rises', 'falls', 'towards', 'away', 'high', 'low', 'higher', 'lower', 'last', 'attention', 'MLP', 'one', 'two', 'three', 'four'];

/** The parts of a text that are not wording, in their order, separated by spaces: see the head of this file. */
function factsOf(text: unknown, args: unknown): string {
  const names = [...VERDICTS, ...strings(args)].filter((name) => name !== '').sort((x, y) => y.length - x.length);
  const name = names.map((word) => word.replace(/[^\w\s]/g, '\\$&').replace(/^(?=\w)/, '(?<!\\w)').replace(/(?<=\w)$/, '(?!\\w)')).join('|');
  const fact = new RegExp(`${name}|[+−<>]?\\d+(?:[.,]\\d+)*(?: (?:%|MB|KB|ms))?`, 'gi');
  return spansOf(text)
    .flatMap((span) => (typeof span === 'string' ? (spaced(span).match(fact) ?? []) : 'code' in span ? [`\`${span.code}\``] : 'term' in span ? [`[${span.term}]`] : (spaced(span.strong).match(fact) ?? [])))
    .join(' ');
}

/** Every string in the arguments of a text, without the spaces around it. The kind of an object is not part of its text. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value.trim()];
  return typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, inner]) => (key === 'kind' || key === 'mode' ? [] : strings(inner))) : [];
}

function spansOf(text: unknown): RichText {
  if (text === null) return [];
  return Array.isArray(text) ? (text as RichText) : typeof text === 'object' ? [text as Span] : [String(text)];
}

const spaced = (text: string) => text.replaceAll('\u00a0', ' ');

/** What a rule finds wrong with a text that a reader sees. */
function faults(text: string): string[] {
  const rules: [string, RegExp][] = [
    ['an unfinished value', /undefined|\bnull\b|NaN|Infinity|\[object|\$\{/],
    ['a plural', /(?<![\w.,])(?:1|one) (?:node|token|channel|layer|edge|byte|space|tab|line end|other channel)s\b/i],
    ['a singular', /(?<![\w.,])(?:\d+[02-9]|[02-9]|two|three|four|five|six|seven|eight|nine|ten) (?:node|token|channel|layer|edge|space|tab|line end)\b/i],
  ];
  return rules.filter(([, rule]) => rule.test(spaced(text))).map(([what]) => `${what}: ${text}`);
}

/** Each call has these facts, and no two calls give the same text. */
function check<A extends unknown[]>(text: (...args: A) => unknown, ...calls: [args: A, facts: string][]): void {
  const path = [...functions({ ...en }, '')].find(([, other]) => other === text)?.[0] ?? text.name;
  it(path, () => {
    const texts = calls.map(([args]) => plainText(spansOf(text(...args))));
    expect(calls.map(([args]) => factsOf(text(...args), args))).toEqual(calls.map(([, facts]) => facts));
    expect(new Set(texts).size, texts.join('\n')).toBe(texts.length);
    expect(texts.flatMap(faults)).toEqual([]);
  });
}

function* functions(value: unknown, path: string): Generator<[string, unknown]> {
  if (typeof value === 'function') yield [path, value];
  else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) yield* functions(inner, path === '' ? key : `${path}.${key}`);
}

check(en.page.circuitOf,
  [[12, 4224, true], '12 4,224 [node]'],
  [[28, 4224, false], '28 4,224 [node]'],
);
check(en.files.lost,
  [['model.json', 404], 'model.json 404'],
  [['model.json', null], 'model.json'],
);
check(en.files.notJson, [['model.json'], 'model.json']);
check(en.files.unusable, [['model.safetensors', 'Why.'], 'model.safetensors Why.']);
check(en.download.badSize, [['model.safetensors', 2000, 1024], 'model.safetensors 2000 1 1024']);
check(en.download.status, [['model.safetensors', 404], 'model.safetensors 404']);
check(en.download.otherSize, [['model.safetensors', 4, 5], 'model.safetensors 4 5']);
check(en.download.tooLong, [['model.safetensors', 5], 'model.safetensors 5']);
check(en.download.stopped, [['model.safetensors', 2, 5], 'model.safetensors 2 5']);
check(en.download.tooShort, [['model.safetensors', 2, 5], 'model.safetensors 2 5']);
check(en.download.noConnection, [['model.safetensors'], 'model.safetensors']);
check(en.download.noMemory, [['model.safetensors', 5], 'model.safetensors 5']);
check(en.manifest.version, [['2'], '2 1']);
check(en.manifest.wrong, [['models', 'a list'], 'models wrong models a list models']);
check(en.manifest.wanted.integer, [[1, 9], '1 9']);
check(en.manifest.wanted.total, [[1024], '1024']);
check(en.manifest.wanted.numbers, [[24], '24']);
check(en.engine.why,
  [[runs('cpu', { kind: 'first' })], ''],
  [[runs('cpu', { kind: 'chosen' })], ''],
  [[runs('cpu', { kind: 'measured', cpu: 1.04, webgpu: 9, software: false })], '1.0 ms 9.0 ms'],
  [[runs('cpu', { kind: 'measured', cpu: 1.04, webgpu: 9, software: true })], '1.0 ms 9.0 ms'],
  [[runs('webgpu', { kind: 'measured', cpu: 120, webgpu: 9, software: false })], '9.0 ms 120 ms'],
  [[runs('cpu', { kind: 'absent' })], ''],
  [[runs('cpu', { kind: 'no adapter' })], ''],
  [[runs('cpu', { kind: 'failed', error: 'the compute device failed: the device was lost: gone' })], 'CPU'],
);
check(en.engine.restarted,
  [['unreachable'], 'unreachable'],
  [[''], ''],
);
check(en.engine.failure,
  [['not started', 'Why'], 'Why'],
  [['failed', 'Why'], 'failed Why'],
  [['stopped', ''], 'three'],
);
check(en.engine.noWasm, [['TypeError'], 'TypeError']);
check(en.engine.tokenizerLost, [['TypeError'], 'TypeError']);
check(en.engine.noTask, [['model.safetensors', 'quote'], 'model.safetensors quote']);
check(en.twin.failure,
  [['failed', 'Why'], 'failed Why'],
  [['stopped', ''], 'stopped'],
);
check(en.twin.noFiles, [['model.safetensors'], 'model.safetensors']);
check(en.twin.noWasm, [['TypeError'], 'TypeError']);
check(en.twin.unusable, [['dense.safetensors', 'bridge.safetensors', 'Why.'], 'dense.safetensors bridge.safetensors Why.']);
check(en.prompts.fails, [['print("hi'], 'print("hi']);
check(en.prompts.tokensOf,
  [[1], '[token]'],
  [[12], '[token]'],
);
check(en.notice,
  [[{ kind: 'link-long' }], ''],
  [[{ kind: 'link-version', value: 'there' }], 'there 1'],
  [[{ kind: 'link-task', value: 'there' }], 'there'],
  [[{ kind: 'link-mode', value: 'there' }], 'there'],
  [[{ kind: 'link-flag', key: 'list', value: 'there' }], 'list there 0 1'],
  [[{ kind: 'link-node', value: 'there' }], 'there'],
  [[{ kind: 'link-token', value: 'there' }], 'there'],
  [[{ kind: 'link-backend', value: 'there' }], 'there'],
  [[{ kind: 'link-steer', value: 'there' }], 'there 0 1'],
  [[{ kind: 'link-channel', value: 'there' }], 'there'],
  [[{ kind: 'link-switch', value: 'there' }], 'there'],
  [[{ kind: 'link-tour', value: 'there' }], 'there'],
  [[{ kind: 'link-cut', prompt: 'a', characters: 16_384 }], 'A 16384'],
  [[{ kind: 'link-encoding', key: 'steer' }], 'steer'],
  [[{ kind: 'link-nodes', key: 'off', value: 'there', more: 0, limit: null }], 'off there'],
  [[{ kind: 'link-nodes', key: 'set', value: 'there', more: 2, limit: 1000 }], 'set there 2 1000'],
  [[{ kind: 'link-edges', key: 'offe', value: 'there', more: 0 }], 'offe there'],
  [[{ kind: 'link-edges', key: 'offe', value: 'there', more: 2 }], 'offe there 2'],
  [[{ kind: 'twin-lost', error: 'dense.safetensors is gone.' }], 'dense.safetensors is gone.'],
  [[{ kind: 'twin-missing' }], ''],
  [[{ kind: 'twin-task', task: 'bracket_counting' }], 'bracket_counting'],
  [[{ kind: 'prompt-empty' }], ''],
  [[{ kind: 'prompt-cut', tokens: 20, context: 128 }], '128 20'],
  [[{ kind: 'prompt-cut', tokens: 20, context: null }], '20'],
  [[{ kind: 'prompt-b-cut', tokens: 20 }], '20'],
  [[{ kind: 'prompt-not-ascii', part: null }], ''],
  [[{ kind: 'prompt-not-ascii', part: '🙂¹⁄₄' }], '🙂¹⁄₄'],
  [[{ kind: 'flip-unavailable', reason: null }], ''],
);
check(en.sayBlank,
  [['   '], '3'],
  [['\n\n\t'], '2'],
  [['x'], ''],
);
check(en.prediction.was, [[0.022], '2.2 %']);
check(en.prediction.announced, [[["')", '")'], [0.978, 0.022]], '\') 97.8 % ") 2.2 %']);
check(en.prediction.fullModel, [[0.915], '91.5 %']);
check(en.prediction.unlikely,
  [[0.0004, false], '[token] two <0.1 %'],
  [[0.0004, true], '[token] two <0.1 %'],
);
check(en.flip.copies,
  [[1], 'one [node] [counterfactual]'],
  [[4], 'four [node] [counterfactual]'],
);
check(en.flip.rates,
  [[0.99, 0.87, true], '99 % 87 %'],
  [[0.99, 0.87, false], '87 %'],
);
check(en.contrast.after,
  [[quotes], "`('`"],
  [[{ a: '', b: 'if' }], '`if`'],
);
check(en.contrast.where,
  [[quotes], '`("`'],
  [[{ a: 'if', b: '' }], '`if`'],
  [[{ a: '', b: 'if' }], '`if`'],
);
check(en.summary.noTask,
  [[null], ''],
  [['Why.'], 'Why.'],
);
check(en.summary.prefers,
  [[told({}), quotes], '`(\'` `\')` `")` 97.8 % 2.2 %'],
  [[told({ wrong: true, right: 1 }), null], '`\')` `")` 97.8 % 2.2 % wrong `")` right'],
);
check(en.summary.level,
  [[told({ p: [0.52, 0.48] })], "two `')` 52.0 %"],
  [[told({ p: [0.52, 0.48], wrong: true, right: 1 })], "two `')` 52.0 % `\")` right"],
);
check(en.summary.flipChanges,
  [[["layer 1's write to channel 92"]], 'one [node] [layer] 1 [write] [channel] 92'],
  [[['one', 'two']], 'two [node]'],
);
check(en.summary.circuitAlone,
  [[told({ mode: 'circuit', full: [0.9, 0.1] })], "[circuit] `')` 97.8 % 90.0 %"],
  [[told({ mode: 'circuit', full: [0.9, 0.1], wrong: true, right: 1 })], "[circuit] `')` 97.8 % 90.0 % wrong"],
  [[told({ mode: 'circuit', full: [0.1, 0.9], fullWinner: 1, wrong: true, right: 1 })], '[circuit] `\')` 97.8 % wrong `")` 90.0 %'],
  [[told({ mode: 'circuit', full: [0.1, 0.9], fullWinner: 1, right: 0 })], '[circuit] `\')` 97.8 % right `")` 90.0 %'],
  [[told({ mode: 'circuit', full: [0.1, 0.9], fullWinner: 1 })], '[circuit] `\')` 97.8 % `")` 90.0 % disagree'],
);
check(en.summary.pushes,
  [["')", 0.04, 0.18, false], "towards `')` 4.0 % [baseline] 18.0 %"],
  [["')", 0.04, 0.82, true], "towards `')` 4.0 % [baseline] 82.0 %"],
  [["')", 0.18, 0.04, false], "away `')` 18.0 % [baseline] 4.0 %"],
  [["')", 0.0001, 0.0002, false], "`')` <0.1 % [baseline]"],
);
check(en.summary.asBaseline, [['")', 0.873], '[baseline] `")` 87.3 %']);
check(en.summary.removed,
  [[told({ mode: 'removed', full: [0.9, 0.1] })], "[circuit] `')` 97.8 % `')` 90.0 %"],
  [[told({ mode: 'removed', full: [0.1, 0.9], fullWinner: 1, wrong: true, right: 1 })], '[circuit] `\')` 97.8 % wrong `")` 90.0 %'],
);
check(en.summary.flipHeld,
  [[['quote type']], 'Quote type'],
  [[['one', 'two']], 'Two'],
);
check(en.summary.flipped,
  [[['quote type'], quotes, moved], 'Quote type [counterfactual] `("` +1.33 −0.09'],
  [[['one', 'two'], null, null], 'Two [counterfactual]'],
);
check(en.summary.off,
  [['quote type', 0.12, moved], 'Quote type [average] +0.12 +1.33'],
  [['quote type', undefined, null], 'Quote type [average]'],
);
check(en.flip.control,
  [[1, "')", 0.984, 0.984, 'keeps'], "[control] `')` 98.4 %"],
  [[4, ' ==', 0.97, 0.984, 'moves'], '[control] four `·==` 97.0 98.4 %'],
  [[4, ' ==', 0.2, 0.984, 'reverses'], '[control] four `·==` 20.0 98.4 %'],
);
check(en.summary.set,
  [['quote type', 1.5, moved], 'Quote type 1.50 +1.33'],
  [['quote type', 1.5, null], 'Quote type 1.50'],
);
check(en.summary.scaled, [['quote type', 2, { from: 1, to: 2 }], 'Quote type 2.00 +1.00 +2.00']);
check(en.summary.patched, [['quote type', { from: 1, to: 1 }], 'Quote type [counterfactual] +1.00']);
check(en.summary.changed,
  [[3, 0, false], 'Three'],
  [[1, 0, true], 'One'],
  [[0, 2, false], 'Two'],
  [[1, 1, true], 'One one'],
);
check(en.summary.edgeOff, [['read 1', 'neuron 2'], 'read 1 neuron 2']);
check(en.summary.effect,
  [[told({ untouched: [0.1, 0.9] })], "`')` 10.0 % 97.8 %"],
  [[told({ untouched: [0.8, 0.2] })], "`')` rises 80.0 % 97.8 %"],
  [[told({ untouched: [0.978, 0.022] })], "97.8 % `')`"],
  [[told({ mode: 'circuit', untouched: [0.1, 0.9] })], "`')` 10.0 % 97.8 %"],
  [[told({ mode: 'removed', untouched: [0.99, 0.01], wrong: true, right: 1 })], "`')` falls 99.0 % 97.8 % wrong"],
);
check(en.reliability.removed, [[0.56, 1], 'Right 56 % 100 % 50 %']);
check(en.reliability.test, [[0.92, 1], 'Right 92 % 100 %']);
check(en.reliability.both, [[0.92, 1, { circuit: 0.56, full: 0.94 }], 'Right 92 % 56 % 100 % 94 %']);
check(en.modes.inactive, [[7], '7']);
check(en.modes.fold, [[7], '7']);
check(en.modes.unfold, [[21], '21']);
check(en.nodes.placed,
  [[1, null, 'key 4.6'], '1 key 4.6'],
  [[0, 'MLP', 'write 57'], '0 MLP write 57'],
);
check(en.nodes.ofHead, [['key', 1, 3], 'key 1.3']);
check(en.nodes.plain, [['neuron', 863], 'neuron 863']);
check(en.nodes.read, [[17], '17']);
check(en.nodes.write, [[17], '17']);
check(en.nodes.inLayer, [[1, 'neuron 863'], '1 neuron 863']);
check(en.nodes.inStream, [[0, 'mlp.act_in'], '0 MLP']);
check(en.nodes.channelOfHead, [['key', 3, 1, 0, 'attn.k'], 'key 3 1 0 attention']);
check(en.nodes.inBlock, [['neuron', 0, 'mlp.post_act'], 'neuron 0 MLP']);
check(en.badges.set, [[1.5], '1.5']);
check(en.badges.scaled, [[2], '2']);
check(en.graph.label, [[12, 34], '12 34 one']);
check(en.graph.channel, [[17], '17']);
check(en.graph.channelHint, [[17], '17']);
check(en.graph.layer, [[1], '1']);
check(en.graph.layerShort, [[1], '1']);
check(en.graph.attentionHead, [[3], 'attention 3']);
check(en.graph.token,
  [[4, true], '5 last'],
  [[4, false], '5'],
);
check(en.graph.weight, [[-0.5], '−0.50']);
check(en.graph.embedded, [[-0.5], '−0.50']);
check(en.graph.edge,
  [['read ch 1', 'neuron 2', false], 'read ch 1 neuron 2'],
  [['read ch 1', 'neuron 2', true], 'read ch 1 neuron 2'],
);
check(en.nodes.logit, [['x'], 'x']);
check(en.edge.between, [['read 1', 'neuron 2'], 'read 1 neuron 2']);
check(en.edge.isOn,
  [[null], '[average]'],
  [[0.5], '[average] +0.50'],
);
check(en.edge.isOff,
  [[null], '[average]'],
  [[0.5], '[average] +0.50'],
);
check(en.graph.product, [[-0.5, 2], '−0.5000 +2.000 −1.00']);
check(en.graph.node,
  [['neuron 2', '0.mlp.post_act.2', 1.5, 3, null], 'neuron 2 0.mlp.post_act.2 +1.50 4'],
  [['neuron 2', '0.mlp.post_act.2', 1.5, 3, 'off'], 'neuron 2 0.mlp.post_act.2 +1.50 4 off'],
);
check(en.graph.nodeHint,
  [['neuron 2', '', '0.mlp.post_act.2'], 'neuron 2 0.mlp.post_act.2'],
  [['neuron 2', 'high at if', '0.mlp.post_act.2'], 'neuron 2 high at if 0.mlp.post_act.2'],
);
check(en.graph.group,
  [[3, '0.mlp.post_act', 0], '3 0.mlp.post_act'],
  [[3, '0.mlp.post_act', 2], '3 0.mlp.post_act 2'],
);
check(en.graph.more, [[3], '+3']);
check(en.graph.head,
  [[3, [{ token: ' if', weight: 0.75 }], 0.25], '3 attention last if 75.0 % 25.0 %'],
  [[3, [{ token: ' if', weight: 1 }], null], '3 attention last if 100.0 %'],
);
check(en.graph.peak, [[0.75], '75 %']);
check(en.graph.apart, [[-4.28], '4.28']);
check(en.graph.openEnd, [["')"], "')"]);
check(en.graph.openScore, [[-1.51], '−1.51']);
check(en.graph.openHead, [[1, 4], '1 4 attention']);
check(en.graph.readAt,
  [[[12]], '13'],
  [[[3, 13]], '4 14'],
);
check(en.graph.readAtShort, [[[3, 13]], '4 14']);
check(en.logit.title, [["')"], "[logit] `')`"]);
check(en.logit.of, [["')"], "`')`"]);
check(en.logit.probability, [["')"], "`')`"]);
check(en.pattern.title, [[1, 4], '1 4']);
check(en.pattern.label, [[14], 'Attention 14 14']);
check(en.pattern.cell, [['then', 'else', 0.5], 'then else 50.0 %']);
check(en.embedding.place, [[2], '3']);
check(en.stepper.of, [[14], '14']);
check(en.legend.under,
  [[0], ''],
  [[0.02], '0.02'],
  [[0.003], '0.003'],
);
check(en.list.layer, [[1], '1']);
check(en.list.to, [['neuron 2'], 'neuron 2']);
check(en.panel.label, [['0.mlp.post_act.2'], '0.mlp.post_act.2']);
check(en.panel.valueAt, [[1.5], '+1.50']);
check(en.panel.token, [[' if', 1.5], 'if +1.50']);
check(en.panel.tokenHint, [[' if', 1.5], 'if +1.50']);
check(en.panel.attention, [[3], 'Attention 3']);
check(en.panel.attentionFrom, [[0.25], 'last 25 %']);
check(en.panel.attentionHint, [[' if', 0.75], 'if 75.0 %']);
check(en.panel.attentionShare, [[0.75], '75 %']);
check(en.change.mean,
  [[0.12], '+0.12'],
  [[null], ''],
);
check(en.change.held, [[0.12, 1.5], '[average] +0.12 +1.50']);
check(en.change.flipped, [[1.5, -0.5], '[counterfactual] last +1.50 −0.50']);
check(en.change.none,
  [[0.12, null], '[average] +0.12 [counterfactual]'],
  [[null, 'Why.'], '[average] Why.'],
);
check(en.change.off, [[0.12, 1.5], '[average] +0.12 +1.50']);
check(en.change.patchUnavailable, [['Why.'], 'why.']);
check(en.change.patchHeld, [[0.12], '[counterfactual] +0.12']);
check(en.change.patched, [[1.5, -0.5], '[counterfactual] last +1.50 −0.50']);
check(en.change.set,
  [[false, 0.12, 1.5], '+1.50'],
  [[true, 0.12, 1.5], '+0.12'],
);
check(en.change.scaled,
  [[false, 0.12, 1.5, 3], '+1.50 +3.00'],
  [[true, 0.12, 1.5, 3], '+0.12 +3.00'],
);
check(en.change.asNumber, [['Factor'], 'Factor']);
check(en.terms.group,
  [[true, false], '[circuit]'],
  [[false, false], '[circuit]'],
  [[true, true], '[circuit] [average]'],
  [[false, true], '[circuit] [average]'],
);
check(en.terms.notes,
  [[[]], ''],
  [[[{ kind: 'reluZero' }]], '0'],
  [[[{ kind: 'relu' }, { kind: 'kept', k: 64 }]], '[topk] one 64'],
  [[[{ kind: 'gelu' }, { kind: 'dropped', k: 64 }]], '0 [topk] one 64'],
);
check(en.terms.inHint,
  [[true, false, false], ''],
  [[true, true, true], '[normScale] [attention]'],
  [[false, true, false], '[normScale]'],
);
check(en.terms.mixed,
  [[{ token: 1, value: 1.185, attention: 0.967 }, "('", 1.144], "+1.185 `('` 96.7 % +1.146 +1.144"],
  [[{ token: 1, value: 0.68, attention: 0.474 }, "('", null], "+0.680 `('` 47.4 % +0.322"],
);
check(en.terms.exact,
  [[0.5, null, 2, 1], '0.5 2 1'],
  [[0.5, 6.66, 2, 6.66], '0.5 6.66 2 6.66'],
);
check(en.terms.source,
  [[{ kind: 'embedding' }, ["')", '")']], ''],
  [[{ kind: 'position' }, ["')", '")']], ''],
  [[{ kind: 'mean' }, ["')", '")']], ''],
  [[{ kind: 'streamChange' }, ["')", '")']], ''],
  [[{ kind: 'token', token: 2 }, ["')", '")']], '3'],
  [[{ kind: 'bigram' }, ["')", '")']], ''],
  [[{ kind: 'others', count: 12 }, ["')", '")']], '12'],
  [[{ kind: 'logit', candidate: 1 }, ["')", '")']], '")'],
);
check(en.doingOf,
  [[{ label: { kind: 'name', text: 'quote detector' } }], ''],
  [[{ label: { kind: 'words', text: 'other words' } }], 'other words'],
  [[{ label: { kind: 'words', text: 'high at if and ,' } }], 'high `if` `,`'],
  [[{ label: { kind: 'words', text: 'higher at ,, lower at =; higher when the answer is ]]' } }], 'higher `,` lower `=` higher `]]`'],
  [[{ label: { kind: 'words', text: 'low at 3 spaces; higher with { than with [' } }], 'low 3 higher `{` `[`'],
  [[{ label: { kind: 'words', text: 'low from == on' } }], 'low `==`'],
  [[{ label: { kind: 'words', text: 'higher when the answer is :' } }], 'higher `:`'],
  [[{ label: { kind: 'measured' } }], ''],
  [[{ label: { kind: 'measured', steady: 0.5 } }], '0.50'],
  [[{ label: { kind: 'measured', moment: { kind: 'at', level: 'high', tokens: ['("', " ('"] }, contrast: { kind: 'tokens', higher: '("', lower: "('" } } }], 'high `("` `(\'` higher `("` `(\'`'],
  [[{ label: { kind: 'measured', moment: { kind: 'at', level: 'low', tokens: ['a', ' a'] }, contrast: { kind: 'answer', text: ' ==' } } }], 'low `a` higher `==`'],
  [[{ label: { kind: 'measured', moment: { kind: 'from', level: 'low', token: '\n    ' } } }], 'low 4'],
  [[{ label: { kind: 'measured', moment: { kind: 'leans', higher: 'b', lower: '):\n' } } }], 'higher `b` lower `):⏎`'],
  [[{ label: { kind: 'measured', moment: { kind: 'leans', higher: null, lower: ' ' } } }], 'lower'],
);
check(en.footer.time,
  [[0.5], '1 ms'],
  [[12.3], '12 ms'],
);
check(en.footer.use, [['webgpu'], 'webgpu']);
check(en.footer.state.loading,
  [[null, false], ''],
  [[null, true], ''],
  [[progress, false], '1.2 MB 3.4 MB'],
  [[progress, true], '1.2 MB 3.4 MB'],
);
check(en.footer.state.busy,
  [[null], ''],
  [[1.2e6], '1.2 MB'],
);
check(en.footer.state.ready,
  [[null], ''],
  [[1.2e6], '1.2 MB'],
);
check(en.about.size, [[circuit], '12 1,234']);
check(en.about.calibration, [[circuit], '1.50 1.05 0.25']);
check(en.about.accuracy, [[0.99, 0.97, 0.61], '99 % 97 % 61 % 50 %']);
check(en.about.model, [[model], '2 256 82,100']);
check(en.page.codeLost, [['TypeError'], 'TypeError']);
check(en.twin.loading,
  [[null], ''],
  [[progress], '1.2 MB 3.4 MB'],
);
check(en.twin.randomMedian, [[50], '50']);
check(en.twin.randomBefore, [[0.02], '2.0 %']);
check(en.twin.channelName,
  [[null, 126, 1, 'attn.act_in'], '126 1 attention'],
  [['quote type', 3, 0, 'mlp.act_in'], 'quote type 0 MLP'],
);
check(en.links.version, [['1.2.3'], '1.2.3 2.0']);
check(en.twin.now,
  [['")', 0, 0.02, 0.02], '`")` 2.0 %'],
  [['")', 0.35, 0.02, 0.2], '35 % `")` 20.0 % 2.0 %'],
);
check(en.twin.noRead,
  [['0.attn.q.1', null], '0.attn.q.1'],
  [['0.attn.q.1', '0.attn.act_in.1'], '0.attn.q.1 0.attn.act_in.1'],
);
check(en.twin.strengthValue, [[0.35], '35 %']);
check(en.twin.strengthSaid, [[0.35], '35 %']);
check(en.twin.boundary,
  [[0], ''],
  [[1], '0 attention'],
  [[2], '0 MLP'],
  [[3], '1 attention'],
  [[6], '2 MLP'],
);
check(en.twin.off,
  [[null], ''],
  [['There is no quote to swap.'], 'there is no quote to swap.'],
);
check(en.twin.unmoved, [["')", 0.02], "`')` 2.0 %"]);
check(en.twin.hardlyMoved, [["')", 0.02, 0.03], "`')` 2.0 % 3.0 %"]);
check(en.twin.moved, [["')", 0.02, 0.97], "`')` 2.0 % 97.0 %"]);
check(en.twin.randomRange, [[50, 0.01, 0.03], '50 1.0 % 3.0 %']);
check(en.twin.randomAsFar, [[50, 20], '20 50']);
check(en.twin.randomFew,
  [[50, 1], '1 50'],
  [[50, 2], '2 50'],
);
check(en.twin.randomBelow, [[50, 0.03], '50 3.0 %']);
check(en.twin.randomAbove, [[50, 0.9], '50 90.0 %']);
check(en.twin.chart, [["')", [{ strength: 0, p: 0.02 }, { strength: 1, p: 0.97 }]], "') 0 % 2.0 % 100 % 97.0 %"]);
check(en.twin.chartRandom,
  [[0], ''],
  [[50], '50'],
);
check(en.twin.chartOthers,
  [[1], '1'],
  [[3], '3'],
);
check(en.twin.randomDot, [[0.02], '2.0 %']);
check(en.twin.otherDot, [['read ch 1', '0.attn.act_in.1', 0.02], 'read ch 1 0.attn.act_in.1 2.0 %']);
check(en.twin.nowDot, [[0.02], '2.0 %']);

/** Words of the code or of earlier versions that do not belong on the screen. */
const PRIVATE = /\b(?:undefined|NaN|chance|whole model|silent|rail|wish|swap|splice|poster|glance|burden|beside|anew|alike|whoever|mend|unpushed|TODO|FIXME)\b/i;

/** Every piece of text in the source: a string, or a part of a template. */
function literals(): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  for (const source of sources) visit(ts.createSourceFile('en.ts', source, ts.ScriptTarget.Latest));
  return found;
}

function* constants(value: unknown, path: string): Generator<[string, string]> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) for (const [key, inner] of Object.entries(value)) yield* constants(inner, path === '' ? key : `${path}.${key}`);
  else if (typeof value !== 'function') for (const span of spansOf(value)) yield [path, plainText([span])];
}

describe('every text', () => {
  const pieces = literals();

  it('has words of the screen only', () => {
    expect(pieces.length).toBeGreaterThan(500);
    // a file name may be one of these words
    expect(pieces.map((text) => text.replaceAll('poster.json', '')).filter((text) => PRIVATE.test(text))).toEqual([]);
  });

  it('has no stray character', () => {
    expect(pieces.filter((text) => /`| {2}|\.\.|[“][^”]*$|\*\*/.test(text))).toEqual([]);
  });

  it('that is a constant is not empty and has its plural', () => {
    const all = [...constants({ ...en }, '')];
    expect(all.length).toBeGreaterThan(150);
    expect(all.filter(([, text]) => text === '' || faults(text).length > 0)).toEqual([]);
  });
});

it('keeps the error of a device to one short line', () => {
  const line = en.engine.why({ name: 'cpu', reason: { kind: 'failed', error: `${'x'.repeat(500)}\nsecond` }, other: null });
  expect(line.length).toBeLessThan(200);
  expect(line).not.toContain('second');
});
