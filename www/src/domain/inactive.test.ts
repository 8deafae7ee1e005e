import { describe, expect, it } from 'vitest';
import type { CircuitInfo, Prompt } from '../engine/protocol';
import { inactiveNodes } from './inactive';

const prompt = (...ids: number[]): Prompt => ({ text: '', tokens: ids.map((id) => ({ id, text: String(id) })), cut: 0 });
const [a, b] = [prompt(1, 2, 3), prompt(1, 9, 3)];

/** A circuit whose nodes take these values at the three tokens of A and of B; all reach a value at the marked token. */
function circuit(values: Record<string, [number[], number[]]>, flipNodes: string[]) {
  const nodes = Object.keys(values).map((node) => ({ node, layer: 0, site: node.slice(2, node.lastIndexOf('.')), index: 0, mean: 0 }));
  const edges = nodes.filter((info) => info.site === 'attn.act_in').map((info) => ({ from: info.node, to: '0.attn.v.0', weight: 1 }));
  const info = { nodes, edges, lanes: [], flipNodes } as unknown as CircuitInfo;
  const rows = (side: 0 | 1) => Object.values(values).map((pair) => Float32Array.from(pair[side]));
  return inactiveNodes(info, a, rows(0), b, rows(1));
}

describe('inactive nodes', () => {
  it('folds what is inactive on both prompts, except flip nodes and single ones', () => {
    const values: Record<string, [number[], number[]]> = { '0.attn.v.0': [[0, 1, 1], [0, 1, 1]], '0.mlp.post_act.1': [[3, 0, 0], [0, 0, 0]] };
    // Silent at the marked token, whatever they are elsewhere; the last ones speak in one of the two.
    for (let index = 1; index <= 14; index++) values[`0.attn.act_in.${index}`] = [[7, 0, 7], [7, 0, 7]];
    values['0.attn.act_in.15'] = [[0, 1, 0], [0, 0, 0]];
    values['0.attn.act_in.16'] = [[0, 0, 0], [0, 1, 0]];
    const inactive = circuit(values, ['0.attn.act_in.1']);
    expect(inactive).toEqual(Array.from({ length: 13 }, (_, index) => `0.attn.act_in.${index + 2}`));
  });
  it('leaves a small circuit whole', () => {
    const values: Record<string, [number[], number[]]> = { '0.attn.v.0': [[0, 1, 1], [0, 1, 1]] };
    for (let index = 1; index <= 12; index++) values[`0.attn.act_in.${index}`] = [[0, 0, 0], [0, 0, 0]];
    expect(circuit(values, [])).toEqual([]);
  });
});
