import { describe, expect, it } from 'vitest';
import { twin } from '../../text/en';
import { givenName } from '../../text/names';
import type { TwinNumbers } from './twin-runner';
import { plainText } from '../../text/rich-text';
import { middle, otherOf, steeringText } from './steering';

const candidates: [string, string] = ["')", '")'];
const pair = (second: number): [number, number] => [1 - second, second];
const numbers = (before: number, after: number, random: number[] | null, more: Partial<TwinNumbers['case']> = {}): TwinNumbers => ({
  case: { task: 't', a: [1], b: [2], candidates: [1, 2], channel: '0.attn.act_in.1', others: [], ...more },
  before: pair(before), steer: 0, p: pair(before),
  curve: [{ strength: 0, p: pair(before) }, { strength: 1, p: pair(after) }],
  random: random && random.map(pair), others: [], hybrid: null,
});
const say = (value: TwinNumbers, reason: string | null = null) => plainText(steeringText(value, candidates, reason)).replace(/\u00a0/g, ' ');

describe('steering in a sentence', () => {
  it('praises what random pushes cannot do', () => {
    expect(say(numbers(0.02, 0.97, [0.01, 0.03]))).toBe(
      'Adding this one channel’s change moves the dense model’s ") from 2.0 % to 97.0 %; 2 random pushes of the same size never exceed 3.0 %.');
  });
  it('speaks of the candidate that the dense model does not expect', () => {
    expect(otherOf(numbers(0.9, 0.1, null))).toBe(0);
    expect(say(numbers(0.9, 0.1, null))).toBe('Adding this one channel’s change moves the dense model’s \') from 10.0 % to 90.0 %.');
  });
  it('praises nothing that random pushes do as well', () => {
    expect(say(numbers(0.02, 0.2, [0.01, 0.3]))).toMatch(/; but 1 of 2 random pushes of the same size come half as far or farther, so this says little\.$/);
  });
  it('counts the few that come half as far', () => {
    const random = Array.from({ length: 20 }, (_, index) => (index === 7 ? 0.6 : 0.03));
    expect(say(numbers(0.02, 0.97, random))).toMatch(/to 97\.0 %; only 1 of 20 random pushes of the same size comes half as far\.$/);
  });
  it('takes the middle of the random pushes', () => {
    expect(middle([pair(0.3), pair(0.1), pair(0.2), pair(0.9)])).toEqual(pair(0.2));
    expect(middle([])).toBeNull();
  });
  it('says when nothing moves, or hardly anything', () => {
    expect(say(numbers(0.02, 0.0201, [0.02]))).toBe('Adding this one channel’s change does not move the dense model: ") stays at 2.0 %.');
    expect(say(numbers(0.02, 0.03, [0.02]))).toMatch(/^Adding this one channel’s change hardly moves the dense model: "\) from 2\.0 % to 3\.0 %; /);
  });
  it('says why steering is off', () => {
    expect(say(numbers(0.02, 0.03, null, { b: null }), 'There is no quote to swap.')).toBe('Steering is off: there is no quote to swap.');
    expect(say(numbers(0.02, 0.03, null, { b: null }))).toMatch(/^Steering is off: there is no prompt B/);
    expect(say(numbers(0.02, 0.03, null, { channel: null }))).toMatch(/nothing to steer by/);
  });
});

it('names channels by their number and place, or by their name', () => {
  expect(twin.channelName(givenName({ site: 'attn.act_in', label: 'read: higher with ("' }), 126, 1, 'attn.act_in', false)).toBe('channel 126, layer 1 attention');
  expect(twin.channelName('quote type', 3, 0, 'mlp.act_in', false)).toBe('quote type, layer 0 MLP');
});

it('names each place where a pass can change models', () => {
  expect([0, 1, 2, 3, 6].map(twin.boundary)).toEqual([
    'after the embedding', "after layer 0's attention", "after layer 0's MLP", "after layer 1's attention", "after layer 2's MLP"]);
});
