import { describe, expect, it } from 'vitest';
import type { CircuitInfo, OpenModel, View } from '../../engine/protocol';
import { agrees, claimOf } from '../../domain/claim';
import { opening, withFlip } from '../../state/document';
import type { Snapshot } from '../../state/screen';
import { decode } from '../../state/url';
import { readRunFile, runFile, writeCsv, writeJson } from './run-file';

const [from, to] = ['0.mlp.act_in.1', '0.mlp.post_act.2'];
const doc = withFlip(opening('quote', 'x = "a,\n', to), true);
const token = (text: string, id: number) => ({ id, text });
const snapshot: Snapshot = {
  doc,
  task: {
    name: 'quote', candidates: ['=1+1', '")'], candidateIds: [7, 8],
    circuit: {
      nodes: [{ node: from, layer: 0, site: 'mlp.act_in', index: 1, mean: 0.5 }, { node: to, layer: 0, site: 'mlp.post_act', index: 2, mean: 0 }],
      edges: [{ from, to, weight: -2 }],
      lanes: [{ channel: 1, writes: [], reads: [from], toLogits: [1, 2] }],
    } as unknown as CircuitInfo,
  } as Snapshot['task'],
  result: {
    a: { text: doc.a, tokens: [token('x = "', 1), token('a,\n', 2)], cut: 0 }, b: null, reason: null, answer: 0, edits: doc.edits, backend: 'cpu',
    view: {
      p: [0.98612345, 0.01387655], score: 4.25, logits: [3, -1.25], pFull: [0.1, 0.01], tokens: 2, marked: 1,
      activations: Float32Array.from([1, 2, 0, 4]), embedding: Float32Array.from([0.5, 0.25]), attention: Float32Array.from([0.75, 0.125]),
      heads: [{ layer: 0, head: 1, sink: 0.125 }], readAt: [0, 1], passedOn: [1, 4], full: { p: [0.9, 0.1], values: [] }, untouched: null, baseline: null, top: [],
    } as unknown as View,
  },
};
const file = runFile(snapshot, { file: 'm.safetensors', fingerprint: 'abc', layers: 2 } as OpenModel);

it('has the numbers of the answer, and weight times activation', () => {
  expect(file).toMatchObject({
    model: { file: 'm.safetensors', fingerprint: 'abc' }, backend: 'cpu', score: 4.25, marked: 1, edits: { flip: true },
    candidates: [{ text: '=1+1', id: 7, p: 0.98612345, logit: 3, pVocabulary: 0.1 }, { text: '")', id: 8, p: 0.01387655, logit: -1.25 }],
    nodes: [{ node: from, readAt: 0, value: 1, activations: [1, 2] }, { node: to, readAt: 1, value: 4, activations: [0, 4] }],
    edges: [{ from, to, weight: -2, activation: 1, contribution: -2, off: false }],
    lanes: [{ channel: 1, embedding: [0.5, 0.25] }], heads: [{ head: 1, sink: 0.125, attention: [0.75, 0.125] }],
  });
});

it('is JSON that opens again, with the same state and numbers that agree', () => {
  const json = writeJson(file);
  expect(JSON.parse(json)).toEqual(file);
  const { state, claim } = readRunFile(json);
  expect(decode(state, { tasks: ['quote'], model: null })).toMatchObject({ task: 'quote', a: doc.a, b: null, edits: doc.edits, node: to, notices: [] });
  expect(agrees(claim, snapshot.result.view.p)).toBe(true);
  expect(claim).toEqual(claimOf(snapshot.result.view.p));
});

it('does not agree after a probability is changed', () => {
  const json = writeJson(file).replace('0.01387655', '0.02387655');
  expect(agrees(readRunFile(json).claim, snapshot.result.view.p)).toBe(false);
});

/** The cells of a CSV text, as RFC 4180 has them. */
function cellsOf(csv: string): string[][] {
  return csv.split('\r\n').slice(0, -1).map((line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].slice(0, 11).map(([, cell]) => (cell!.startsWith('"') ? cell!.slice(1, -1).replaceAll('""', '"') : cell!)));
}

it('is a table with a row for each candidate, node and token, and edge', () => {
  const [head, ...rows] = cellsOf(writeCsv(file));
  const records = rows.map((cells) => Object.fromEntries(head!.map((name, index) => [name, cells[index]])));
  expect(records.map(({ kind }) => kind)).toEqual(['candidate', 'candidate', 'node', 'node', 'node', 'node', 'edge']);
  expect(records[0]).toMatchObject({ id: '"=1+1"', logit: '3', probability: '0.98612345' });
  expect(records[3]).toMatchObject({ id: from, token_index: '1', token: '"a,\\n"', read_here: 'false', activation: '2' });
  expect(records[6]).toMatchObject({ id: from, to, weight: '-2', activation: '1', contribution: '-2' });
  // No cell is a formula.
  expect(rows.flat().filter((cell) => /^[=+@\t]|^-\D/.test(cell))).toEqual([]);
});

describe('a file from elsewhere', () => {
  const bad = (change: (one: Record<string, unknown>) => void) => {
    const one = JSON.parse(writeJson(file)) as Record<string, unknown>;
    change(one);
    return JSON.stringify(one);
  };
  it.each([
    ['nothing', ''], ['not JSON', '{'], ['null', 'null'], ['a list', '[]'], ['a number', '1e999'], ['deep', `${'['.repeat(2e5)}`], ['a circuit', '{"format_version":1}'],
    ['a later version', bad((one) => (one['version'] = 2))], ['no state', bad((one) => delete one['state'])], ['a state that is no text', bad((one) => (one['state'] = { toString: 'x' }))],
    ['a long state', bad((one) => (one['state'] = 'x'.repeat(70_000)))], ['no candidates', bad((one) => delete one['candidates'])], ['candidates that are none', bad((one) => (one['candidates'] = 'ab'))],
    ['three candidates', bad((one) => (one['candidates'] = [{ p: 0 }, { p: 0 }, { p: 1 }]))], ['no probability', bad((one) => (one['candidates'] = [{ p: 2 }, { p: null }]))],
  ])('gives a sentence: %s', (_, json) => {
    expect(() => readRunFile(json)).toThrow(/^[A-Z].*\.$/);
  });
});
