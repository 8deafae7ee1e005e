import { describe, expect, it } from 'vitest';
import { bytes, count, decimalsFor, percent, percentDigits, quoted, roundedToSum, sayToken, showToken, signed, wholePercent } from './format';

describe('signed', () => {
  it('writes the sign and U+2212', () => {
    expect(signed(1.784)).toBe('+1.78');
    expect(signed(-0.054)).toBe('−0.05');
  });
  it('has no negative zero', () => {
    expect(signed(-0.001)).toBe('0.00');
    expect(signed(-0)).toBe('0.00');
  });
  it('does not throw on what is not a number', () => {
    expect(signed(NaN)).toBe('?');
    expect(signed(-Infinity)).toBe('−∞');
  });
});

describe('percent', () => {
  it('never says 0.0 or 100.0 of what is neither', () => {
    expect(percentDigits(0.0003)).toBe('<0.1');
    expect(percentDigits(0.99996)).toBe('>99.9');
    expect(percentDigits(0)).toBe('<0.1');
    expect(percentDigits(1)).toBe('>99.9');
    expect(percentDigits(0.9994)).toBe('99.9');
    expect([0.00049, 0.00051, 0.0015, 0.99949, 0.99951].map(percentDigits)).toEqual(['<0.1', '0.1', '0.1', '99.9', '>99.9']);
  });
  it('keeps the sign on the line', () => expect(percent(0.978)).toBe('97.8\u00a0%'));
  it('does not round 99.6 up to all', () => {
    expect(wholePercent(0.996)).toBe('99\u00a0%');
    expect(wholePercent(1)).toBe('100\u00a0%');
  });
});

describe('roundedToSum', () => {
  const total = (values: number[]) => Math.round(values.reduce((sum, value) => sum + value, 0) * 100) / 100;
  it('makes shown parts add up to the shown whole', () => {
    const parts = [0.004, 0.004, 0.004];
    expect(total(roundedToSum(parts, 0.012, 2))).toBe(0.01);
    const mixed = [1.2349, -0.4951, 2.005, -0.15];
    expect(total(roundedToSum(mixed, 1.2349 - 0.4951 + 2.005 - 0.15, 2))).toBe(2.59);
  });
  it('rounds up the parts with the largest remainders', () => {
    expect(roundedToSum([0.121, 0.239, 0.348], 0.708, 2)).toEqual([0.12, 0.24, 0.35]);
    expect(roundedToSum([1.004, 2.006, -0.003], 3.007, 2)).toEqual([1, 2.01, 0]);
  });
  it('moves no part by a whole unit', () => {
    const parts = Array.from({ length: 40 }, (_, index) => Math.sin(index * 12.9898) * 3);
    const whole = parts.reduce((sum, part) => sum + part, 0);
    const rounded = roundedToSum(parts, whole, 2);
    rounded.forEach((value, index) => expect(Math.abs(value - parts[index]!)).toBeLessThan(0.01));
    expect(total(rounded)).toBeCloseTo(Math.round(whole * 100) / 100, 10);
  });
  it('does not hide a whole that is not the sum', () => {
    expect(roundedToSum([1, 2], 4, 2)).toEqual([1, 2]);
  });
  it('leaves round parts alone', () => {
    expect(roundedToSum([0, 0.126, 0.126], 0.252, 2)[0]).toBe(0);
  });
});

describe('sizes', () => {
  it('reads like a person writes', () => {
    expect(bytes(2_134_000)).toBe('2.1\u00a0MB');
    expect(bytes(83_900)).toBe('84\u00a0KB');
    expect(count(82100)).toBe('82,100');
    expect(count(1024)).toBe('1,024');
    expect(count(99)).toBe('99');
  });
  it('gives small numbers more digits', () => {
    expect(decimalsFor([2.6])).toBe(2);
    expect(decimalsFor([0.12, -0.04])).toBe(3);
    expect(decimalsFor([0.004])).toBe(4);
  });
});

describe('tokens', () => {
  it('shows blanks', () => {
    expect(showToken('):\n')).toBe('):⏎');
    expect(showToken('  x')).toBe('··x');
    expect(sayToken(']]\n')).toBe(']]');
    expect(sayToken('\n')).toBe('⏎');
  });
});

describe('texts of others', () => {
  it('are one short line in quotes', () => {
    expect(quoted('a\r\nb\u0000')).toBe('“a b”');
    expect(quoted('y'.repeat(9000)).length).toBeLessThan(50);
  });
});
