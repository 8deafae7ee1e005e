import { describe, expect, it } from 'vitest';
import { Options, type Wanted } from './options';

const shape = { dModel: 2048, nLayer: 8, density: 0.005, tokens: 256, batch: 128 };
const forward: Wanted = { what: 'forward', shape };
const norm: Wanted = { what: 'norm', shape: { ...shape, batch: 1 } };

describe('what the address asks for', () => {
  it('is everything that the device deserves where it asks for nothing', () => {
    const options = new Options('');
    expect([options.has('page'), options.has('backends'), options.runs, options.full]).toEqual([true, true, null, null]);
    expect([forward, norm].map((one) => options.keeps(one))).toEqual([true, true]);
  });
  it('is a part', () => {
    const options = new Options('#part=backends&runs=5&grid=full&what=forward&dModel=2048&density=0.005');
    expect([options.has('page'), options.has('backends'), options.runs, options.full]).toEqual([false, true, 5, true]);
    expect([forward, norm].map((one) => options.keeps(one))).toEqual([true, false]);
    expect(options.keeps({ what: 'forward', shape: { ...shape, dModel: 128 } })).toBe(false);
  });
  it('keeps the rooflines', () => {
    expect(new Options('#what=norm').keeps({ what: 'roofline', shape })).toBe(true);
  });
  it('may be the small grid', () => {
    expect(new Options('#grid=small').full).toBe(false);
  });
});
