import { describe, expect, it } from 'vitest';
import { twin as text } from '../../text/en';
import { plainText } from '../../text/rich-text';
import { medianOf, otherOf, steering, steeringText } from './steering';
import type { TwinSnapshot } from './twin-runner';

const candidates: [string, string] = ["')", '")'];
const pair = (second: number): [number, number] => [1 - second, second];
const snapshot = (before: number, after: number, random: number[] | null, more: Partial<TwinSnapshot['case']> = {}): TwinSnapshot => ({
  case: { task: 't', a: [1], b: [2], candidates: [1, 2], channel: '0.attn.act_in.1', others: [], ...more },
  before: pair(before), steer: 0, p: pair(before),
  curve: [{ strength: 0, p: pair(before) }, { strength: 1, p: pair(after) }],
  random: random && random.map(pair), others: [], hybrid: null,
});
const words = (value: TwinSnapshot, reason: string | null = null) => plainText(steeringText(value, candidates, reason));

describe('steering', () => {
  it('is special if random directions have a much smaller effect', () => {
    const found = snapshot(0.02, 0.97, [0.01, 0.03]);
    expect(steering(found)).toMatchObject({ kind: 'special', before: 0.02, after: 0.97, random: { directions: 2, least: 0.01, most: 0.03, far: 0 } });
    expect(words(found)).toBe(plainText(text.moved('")', 0.02, 0.97)) + text.randomBelow(2, 0.03));
  });
  it('uses the candidate that the dense model does not expect', () => {
    const found = snapshot(0.9, 0.1, null);
    expect(otherOf(found)).toBe(0);
    expect(steering(found)).toMatchObject({ kind: 'special', random: null });
    expect(words(found)).toBe(plainText(text.moved("')", 0.1, 0.9)) + text.alone);
  });
  it('is not special if random directions have the same effect', () => {
    const found = snapshot(0.02, 0.2, [0.01, 0.3]);
    expect(steering(found)).toMatchObject({ kind: 'not-special', random: { directions: 2, far: 1 } });
    expect(words(found)).toBe(plainText(text.moved('")', 0.02, 0.2)) + text.randomAsFar(2, 1));
  });
  it('counts the directions with half of the effect', () => {
    const random = Array.from({ length: 20 }, (_, index) => (index === 7 ? 0.6 : 0.03));
    const found = snapshot(0.02, 0.97, random);
    expect(steering(found)).toMatchObject({ kind: 'few-as-far', random: { directions: 20, far: 1 } });
    expect(words(found)).toBe(plainText(text.moved('")', 0.02, 0.97)) + text.randomFew(20, 1));
  });
  it('counts what comes as far in the other direction', () => {
    expect(steering(snapshot(0.4, 0.55, [0.2, 0.45, 0.5]))).toMatchObject({ kind: 'not-special', random: { directions: 3, far: 2 } });
  });
  it('takes the median of the random directions', () => {
    expect(medianOf([pair(0.3), pair(0.1), pair(0.2), pair(0.9)])).toEqual(pair(0.2));
    expect(medianOf([])).toBeNull();
  });
  it('reports no effect or a very small one', () => {
    expect(steering(snapshot(0.02, 0.0201, [0.02])).kind).toBe('unmoved');
    expect(words(snapshot(0.02, 0.0201, [0.02]))).toBe(plainText(text.unmoved('")', 0.02)));
    expect(steering(snapshot(0.02, 0.03, [0.02])).kind).toBe('hardly');
    expect(words(snapshot(0.02, 0.03, [0.02]))).toBe(plainText(text.hardlyMoved('")', 0.02, 0.03)) + text.randomRange(1, 0.02, 0.02));
  });
  it('reports why it is off', () => {
    const off = snapshot(0.02, 0.03, null, { b: null });
    expect(steering(off).kind).toBe('no-prompt-b');
    expect(words(off, 'Why.')).toBe(text.off('Why.'));
    expect(words(off)).toBe(text.off(null));
    expect(steering(snapshot(0.02, 0.03, null, { channel: null })).kind).toBe('no-channel');
  });
});
