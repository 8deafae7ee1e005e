import { describe, expect, it } from 'vitest';
import { cost, orderLanes, type Unit } from './order';

const unit = (left: number[], right: number[], column = 0, vertical: -1 | 0 | 1 = 0): Unit => ({ left, right, column, vertical });

describe('orderLanes', () => {
  it('untangles two chains', () => {
    const units = [unit([0], [3]), unit([1], [2]), unit([3], [5], 1), unit([2], [4], 1)];
    const place = (order: number[]) => order.map((_, lane) => order.indexOf(lane));
    const at = place(orderLanes(6, units));
    expect((at[0]! - at[1]!) * (at[3]! - at[2]!)).toBeGreaterThan(0);
    expect((at[3]! - at[2]!) * (at[5]! - at[4]!)).toBeGreaterThan(0);
  });
  it('puts keys above values', () => {
    const order = orderLanes(4, [unit([3], [], 0, -1), unit([0], [1], 0, 1)]);
    expect(order.indexOf(3)).toBeLessThan(order.indexOf(0));
  });
  it('is a deterministic permutation that costs no more than the natural order', () => {
    let seed = 3;
    const random = (below: number) => Math.floor(((seed = (seed * 16807) % 2147483647) / 2147483647) * below);
    for (const lanes of [1, 2, 7, 20, 30]) {
      const units = Array.from({ length: 25 }, () => unit([random(lanes), random(lanes)], [random(lanes)], random(3)));
      const order = orderLanes(lanes, units);
      expect([...order].sort((x, y) => x - y)).toEqual(Array.from({ length: lanes }, (_, lane) => lane));
      expect(cost(order, units)).toBeLessThanOrEqual(cost(Array.from({ length: lanes }, (_, lane) => lane), units));
      expect(orderLanes(lanes, units)).toEqual(order);
    }
  });
});
