import { describe, expect, it } from 'vitest';
import { agrees, claimOf, parseClaim, writeClaim } from './claim';

const P: [number, number][] = [[0.98612345, 0.01387655], [0.5, 0.5], [0.0000012, 0.9999988], [1, 0], [0.123455, 0.876545], [0.9994999, 0.0005001]];
const written = (p: [number, number]) => writeClaim(claimOf(p)!);

/** Each digit of a text, replaced by the next one. */
function changed(text: string): string[] {
  return [...text].flatMap((char, index) => (/\d/.test(char) ? [text.slice(0, index) + ((Number(char) + 1) % 10) + text.slice(index + 1)] : []));
}

describe.each(P)('%f and %f', (...p) => {
  it('agree with themselves, and with another backend', () => {
    const claim = parseClaim(written(p))!;
    for (const shift of [0, 1e-4, -1e-4]) expect(agrees(claim, [p[0] + shift, p[1] - shift])).toBe(true);
  });
  it('do not agree after any single digit is changed, nor after one step of the last digit on the screen', () => {
    for (const text of changed(written(p))) {
      const claim = parseClaim(text);
      expect(claim !== null && agrees(claim, p), text).toBe(false);
    }
    for (const shift of [1e-3, -1e-3]) expect(agrees(parseClaim(written(p))!, [p[0] + shift, p[1] - shift])).toBe(false);
  });
});

it('is written in five decimals that add up to 1', () => {
  expect(P.map(written)).toEqual(['0.98612:0.01388', '0.50000:0.50000', '0.00000:1.00000', '1.00000:0.00000', '0.12345:0.87655', '0.99950:0.00050']);
  expect(claimOf([NaN, NaN])).toBeNull();
});

it.each(['', ':', '0.5', '0.5:0.5:0', '0.5;0.5', '-0.5:0.5', '1e-3:0.9', '1.1:0', 'NaN:1', 'Infinity:0', '0x1:0', ' 0.5:0.5', '0.5:<b>', '0.5,0.5', '00.5:0.5'])('%j is not a claim', (text) => {
  expect(parseClaim(text)).toBeNull();
});
