import { describe, expect, it } from 'vitest';
import { Wish, type Wanted } from './options';

const shape = { dModel: 2048, nLayer: 8, density: 0.005, tokens: 256, batch: 128 };
const forward: Wanted = { what: 'forward', shape };
const norm: Wanted = { what: 'norm', shape: { ...shape, batch: 1 } };

describe('what the address asks for', () => {
  it('is everything that the device deserves where it asks for nothing', () => {
    const wish = new Wish('');
    expect([wish.has('page'), wish.has('sides'), wish.runs, wish.full]).toEqual([true, true, null, null]);
    expect([forward, norm].map((one) => wish.keeps(one))).toEqual([true, true]);
  });
  it('is a part', () => {
    const wish = new Wish('#part=sides&runs=5&grid=full&what=forward&dModel=2048&density=0.005');
    expect([wish.has('page'), wish.has('sides'), wish.runs, wish.full]).toEqual([false, true, 5, true]);
    expect([forward, norm].map((one) => wish.keeps(one))).toEqual([true, false]);
    expect(wish.keeps({ what: 'forward', shape: { ...shape, dModel: 128 } })).toBe(false);
  });
  it('keeps the limits', () => {
    expect(new Wish('#what=norm').keeps({ what: 'limit', shape })).toBe(true);
  });
  it('may be the small grid', () => {
    expect(new Wish('#grid=small').full).toBe(false);
  });
});
