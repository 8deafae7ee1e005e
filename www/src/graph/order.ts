/** The order of the rails from top to bottom: few crossings, short ways between a unit and the rails it reads and writes. */

export interface Unit {
  /** Indices of the rails read on its left and written on its right. */
  left: number[];
  right: number[];
  /** The column it stands in; only units of one column can cross. */
  column: number;
  /** Where it would rather be: -1 up (queries, keys: where), +1 down (values: which), 0 no matter. */
  lane: -1 | 0 | 1;
}

/** Returns the rails' indices from top to bottom. The same input gives the same order. */
export function orderRails(rails: number, all: Unit[]): number[] {
  const units = all.filter((unit) => unit.left.length + unit.right.length > 0);
  if (rails < 2) return Array.from({ length: rails }, (_, rail) => rail);
  const natural = Array.from({ length: rails }, (_, rail) => rail);
  const starts = [natural, lanesFirst(rails, units), [...natural].reverse()];
  let best = natural;
  let least = Infinity;
  for (const start of starts) {
    const order = improve(settle(start, units), units);
    const price = cost(order, units);
    if (price < least - 1e-9) [best, least] = [order, price];
  }
  return best;
}

/** Rails of units that want to be above first. */
function lanesFirst(rails: number, units: Unit[]): number[] {
  const pull = new Array<number>(rails).fill(0);
  for (const unit of units) for (const rail of [...unit.left, ...unit.right]) pull[rail]! += unit.lane;
  return pull.map((value, rail) => ({ value, rail })).sort((x, y) => x.value - y.value || x.rail - y.rail).map(({ rail }) => rail);
}

/** Barycentres, back and forth, until the order repeats. */
function settle(start: number[], units: Unit[]): number[] {
  let order = start;
  for (let round = 0; round < 24; round++) {
    const place = places(order);
    const sums = order.map(() => ({ sum: 0, weight: 0 }));
    for (const unit of units) {
      const at = centre(unit, place, order.length);
      for (const rail of [...unit.left, ...unit.right]) {
        sums[rail]!.sum += at;
        sums[rail]!.weight += 1;
      }
    }
    const wanted = sums.map(({ sum, weight }, rail) => (weight > 0 ? (sum / weight + place[rail]!) / 2 : place[rail]!));
    const next = order.slice().sort((left, right) => wanted[left]! - wanted[right]! || place[left]! - place[right]!);
    if (next.every((rail, index) => rail === order[index])) break;
    order = next;
  }
  return order;
}

/** Moves single rails, and swaps neighbours, while that helps. Far moves only for few rails: the price is quadratic. */
function improve(start: number[], units: Unit[]): number[] {
  let order = start;
  let price = cost(order, units);
  const reach = order.length <= 14 ? order.length : 2;
  for (let pass = 0; pass < 8; pass++) {
    let better = false;
    for (let from = 0; from < order.length; from++) {
      for (let to = Math.max(0, from - reach); to <= Math.min(order.length - 1, from + reach); to++) {
        if (to === from) continue;
        const next = order.slice();
        next.splice(to, 0, next.splice(from, 1)[0]!);
        const nextPrice = cost(next, units);
        if (nextPrice < price - 1e-9) {
          [order, price, better] = [next, nextPrice, true];
        }
      }
    }
    if (!better) break;
  }
  return order;
}

function places(order: number[]): number[] {
  const place = new Array<number>(order.length);
  order.forEach((rail, index) => (place[rail] = index));
  return place;
}

function centre(unit: Unit, place: number[], rails: number): number {
  const linked = [...unit.left, ...unit.right];
  const mean = linked.length > 0 ? linked.reduce((sum, rail) => sum + place[rail]!, 0) / linked.length : (rails - 1) / 2;
  return mean + (lanePlace(unit, rails) - mean) * (unit.lane === 0 ? 0 : 0.25);
}

/** The row of a unit's lane: a quarter from the top or from the bottom. */
function lanePlace(unit: Unit, rails: number): number {
  return (rails - 1) * (0.5 + 0.25 * unit.lane);
}

/** Length of all links, plus half a row for each crossing, plus a little for a unit far from its lane. */
export function cost(order: number[], units: Unit[]): number {
  const place = places(order);
  const at = units.map((unit) => centre(unit, place, order.length));
  let total = 0;
  units.forEach((unit, index) => {
    for (const rail of [...unit.left, ...unit.right]) total += Math.abs(place[rail]! - at[index]!);
    if (unit.lane !== 0) total += 0.3 * Math.abs(lanePlace(unit, order.length) - at[index]!);
  });
  for (let one = 0; one < units.length; one++) {
    for (let two = one + 1; two < units.length; two++) {
      if (units[one]!.column !== units[two]!.column) continue;
      const apart = at[one]! - at[two]!;
      total += 0.5 * (crossings(units[one]!.left, units[two]!.left, place, apart) + crossings(units[one]!.right, units[two]!.right, place, apart));
    }
  }
  return total;
}

function crossings(one: number[], two: number[], place: number[], apart: number): number {
  let crossed = 0;
  for (const first of one) for (const second of two) if ((place[first]! - place[second]!) * apart < 0) crossed += 1;
  return crossed;
}
