import { expect, it } from 'vitest';
import names from '../engine/edge-names.gen.json';
import { edgeId, parseEdge } from './edges';

it.each(names as [string, boolean][])('reads %j as the engine does', (text, known) => {
  const ends = parseEdge(text);
  expect(ends !== null).toBe(known);
  if (ends) expect(edgeId(ends)).toBe(text);
});

it('writes an edge in one way', () => {
  expect(parseEdge('00.mlp.post_act.07:0.mlp.resid_delta.003')).toEqual({ from: '0.mlp.post_act.7', to: '0.mlp.resid_delta.3' });
});
