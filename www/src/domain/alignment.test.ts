import { describe, expect, it } from 'vitest';
import type { CircuitInfo, NodeInfo, Prompt } from '../engine/protocol';
import { markedToken, readBefore, tokenFor } from './alignment';

const prompt = (...ids: number[]): Prompt => ({ text: '', tokens: ids.map((id) => ({ id, text: String(id) })), cut: 0 });

describe('markedToken', () => {
  it('is where the prompts differ, counted from the end', () => {
    expect(markedToken(prompt(1, 2, 3, 4), prompt(1, 9, 3, 4))).toBe(1);
    expect(markedToken(prompt(7, 1, 2, 3), prompt(8, 3))).toBe(2);
  });
  it('is the last token without a partner or a difference', () => {
    expect(markedToken(prompt(1, 2, 3), null)).toBe(2);
    expect(markedToken(prompt(1, 2, 3), prompt(1, 2, 3))).toBe(2);
    expect(markedToken(prompt(), null)).toBe(0);
  });
  it('is the extra token where one prompt ends with the other', () => {
    expect(markedToken(prompt(1, 5, 2, 3), prompt(2, 3))).toBe(1);
  });
});

describe('readBefore', () => {
  const node = (layer: number, site: string, index: number): NodeInfo => ({ node: `${layer}.${site}.${index}`, layer, site, index, mean: 0 });
  const circuit = {
    nodes: [node(0, 'mlp.act_in', 7), node(0, 'mlp.post_act', 1), node(0, 'mlp.resid_delta', 5), node(1, 'attn.act_in', 5), node(1, 'attn.act_in', 6),
      node(1, 'attn.q', 1), node(1, 'attn.k', 1), node(1, 'attn.v', 2), node(1, 'attn.resid_delta', 5), node(1, 'mlp.act_in', 5)],
    edges: [
      { from: '0.mlp.act_in.7', to: '0.mlp.post_act.1', weight: 1 }, { from: '0.mlp.post_act.1', to: '0.mlp.resid_delta.5', weight: 1 },
      { from: '1.attn.act_in.5', to: '1.attn.v.2', weight: 1 }, { from: '1.attn.act_in.6', to: '1.attn.q.1', weight: 1 },
      { from: '1.attn.v.2', to: '1.attn.resid_delta.5', weight: 1 },
    ],
    lanes: [{ channel: 5, writes: ['0.mlp.resid_delta.5', '1.attn.resid_delta.5'], reads: ['1.attn.act_in.5', '1.mlp.act_in.5'], toLogits: [1, -1] }],
  } as unknown as CircuitInfo;
  const before = readBefore(circuit);
  it('holds what leads to keys and values, across lanes', () => {
    expect([...before].sort()).toEqual(['0.mlp.act_in.7', '0.mlp.post_act.1', '0.mlp.resid_delta.5', '1.attn.act_in.5', '1.attn.k.1', '1.attn.v.2']);
  });
  it('reads the query and what follows at the last token, and obeys the user', () => {
    const a = prompt(1, 2, 3, 4);
    const b = prompt(1, 9, 3, 4);
    expect(tokenFor('1.attn.v.2', before, a, b, null)).toBe(1);
    expect(tokenFor('1.attn.q.1', before, a, b, null)).toBe(3);
    expect(tokenFor('1.mlp.act_in.5', before, a, b, null)).toBe(3);
    expect(tokenFor('1.attn.q.1', before, a, b, 2)).toBe(2);
    expect(tokenFor('1.attn.q.1', before, a, b, 99)).toBe(3);
  });
});
