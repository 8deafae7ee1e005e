import { describe, expect, it } from 'vitest';
import names from '../engine/node-names.gen.json';
import { canonicalNode, parseNode } from './nodes';

describe('parseNode', () => {
  it.each(names as [string, [number, string, number] | null][])('reads %j as the engine does', (text, node) => {
    const address = parseNode(text);
    expect(address && [address.layer, address.site, address.index]).toEqual(node);
    if (node) expect(address!.hook).toBe(`${node[0]}.${node[1]}`);
  });
});

describe('canonicalNode', () => {
  it('writes a node in one way', () => {
    expect(canonicalNode('00.mlp.post_act.007')).toBe('0.mlp.post_act.7');
    expect(canonicalNode('10.attn.q.0')).toBe('10.attn.q.0');
    expect(canonicalNode('0.mlp')).toBeNull();
    expect(canonicalNode('0.attn.y.5')).toBeNull();
  });
});
