import { describe, expect, it } from 'vitest';
import { assignSlots, spread } from './spread';

describe('spread', () => {
  it('does not move items that do not overlap', () => expect(spread([10, 50], [5, 5], 0, 100)).toEqual([10, 50]));
  it('moves two overlapping items by the same distance', () => expect(spread([50, 50], [10, 10], 0, 100)).toEqual([40, 60]));
  it('keeps the order and the bounds for any input', () => {
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
    for (let run = 0; run < 200; run++) {
      const size = 1 + Math.floor(random() * 12);
      const wanted = Array.from({ length: size }, () => random() * 300);
      const halves = Array.from({ length: size }, () => 2 + random() * 10);
      const placed = spread(wanted, halves, 0, 300);
      const order = wanted.map((_, index) => index).sort((x, y) => wanted[x]! - wanted[y]!);
      for (let place = 1; place < size; place++) {
        const [one, two] = [order[place - 1]!, order[place]!];
        expect(placed[two]! - placed[one]!).toBeGreaterThan(halves[one]! + halves[two]! - 1e-6);
      }
      expect(Math.min(...placed)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...placed)).toBeLessThanOrEqual(300);
    }
  });
  it('does not fail if the items do not fit', () => {
    expect(spread([1, 2, 3], [50, 50, 50], 0, 100)).toEqual([50, 150, 250]);
    expect(spread([], [], 0, 1)).toEqual([]);
  });
});

describe('assignSlots', () => {
  it('takes the nearest slots in order', () => {
    expect(assignSlots([12, 31], [10, 20, 30])).toEqual([0, 2]);
    expect(assignSlots([31, 12], [10, 20, 30])).toEqual([2, 0]);
  });
  it('gives no slot twice', () => {
    expect(assignSlots([20, 20, 20], [10, 20, 30])).toEqual([0, 1, 2]);
    expect(new Set(assignSlots([5, 5, 5, 90], [0, 10, 20, 30, 100])).size).toBe(4);
  });
});
