import { describe, expect, it } from 'vitest';
import { canonicalNode, parseNode } from './nodes';

describe('parseNode', () => {
  it('takes a name apart', () => {
    expect(parseNode('0.mlp.post_act.863')).toEqual({ hook: '0.mlp.post_act', layer: 0, site: 'mlp.post_act', index: 863 });
  });
  it.each(['', '0.mlp.post_act', '0.mlp.post_act.-1', '0.mlp.post_act.1e3', '0.attn.y.5', 'x.mlp.post_act.1', '0.mlp.post_act.1 ',
    '0.mlp.post_act.99999999', '<script>', '__proto__', '0.attn.q.5.6'])('refuses %j', (text) => {
    expect(parseNode(text)).toBeNull();
  });
});

describe('canonicalNode', () => {
  it('writes a node in one way', () => {
    expect(canonicalNode('00.mlp.post_act.007')).toBe('0.mlp.post_act.7');
    expect(canonicalNode('0.mlp')).toBeNull();
  });
});
