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
export function orderRails(rails: number, units: Unit[]): number[] {
  const natural = Array.from({ length: rails }, (_, rail) => rail);
  if (rails < 2) return natural;
  const price = pricer(rails, units);
  const starts = [natural, lanesFirst(rails, units), [...natural].reverse()];
  let best = natural;
  let least = Infinity;
  for (const start of starts) {
    const order = improve(settle(start, units), price);
    const paid = price(order);
    if (paid < least - 1e-9) [best, least] = [order, paid];
  }
  return best;
}

/** Length of all links, plus half a row for each crossing, plus a little for a unit far from its lane. */
export function cost(order: number[], units: Unit[]): number {
  return pricer(order.length, units)(order);
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
    const place = new Array<number>(order.length);
    order.forEach((rail, index) => (place[rail] = index));
    const sums = order.map(() => ({ sum: 0, weight: 0 }));
    for (const unit of units) {
      const linked = [...unit.left, ...unit.right];
      if (linked.length === 0) continue;
      const mean = linked.reduce((sum, rail) => sum + place[rail]!, 0) / linked.length;
      const at = mean + (unit.lane === 0 ? 0 : 0.25 * (lanePlace(unit.lane, order.length) - mean));
      for (const rail of linked) {
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

/** Moves single rails while that helps. Far moves only for few rails: their number grows with the square. */
function improve(start: number[], price: (order: number[]) => number): number[] {
  let order = start;
  let paid = price(order);
  const reach = order.length <= 14 ? order.length : 2;
  for (let pass = 0; pass < 8; pass++) {
    let better = false;
    for (let from = 0; from < order.length; from++) {
      for (let to = Math.max(0, from - reach); to <= Math.min(order.length - 1, from + reach); to++) {
        if (to === from) continue;
        const next = order.slice();
        next.splice(to, 0, next.splice(from, 1)[0]!);
        const nextPaid = price(next);
        if (nextPaid < paid - 1e-9) [order, paid, better] = [next, nextPaid, true];
      }
    }
    if (!better) break;
  }
  return order;
}

/** The row of a lane: a quarter from the top or from the bottom. */
function lanePlace(lane: number, rails: number): number {
  return (rails - 1) * (0.5 + 0.25 * lane);
}

/** Prices many orders of the same graph: links and pairs that may cross are laid out flat once. */
function pricer(rails: number, all: Unit[]): (order: number[]) => number {
  const units = all.filter((unit) => unit.left.length + unit.right.length > 0);
  const linkUnit: number[] = [];
  const linkRail: number[] = [];
  units.forEach((unit, index) => {
    for (const rail of [...unit.left, ...unit.right]) {
      linkUnit.push(index);
      linkRail.push(rail);
    }
  });
  // Four numbers a pair: two units, a rail of each, on the same side.
  const pairs: number[] = [];
  units.forEach((one, first) => {
    units.forEach((two, second) => {
      if (second <= first || one.column !== two.column) return;
      for (const side of ['left', 'right'] as const) {
        for (const rail of one[side]) for (const other of two[side]) if (rail !== other) pairs.push(first, second, rail, other);
      }
    });
  });
  const [flatUnit, flatRail, flatPairs] = [Int32Array.from(linkUnit), Int32Array.from(linkRail), Int32Array.from(pairs)];
  const share = Float64Array.from(units, (unit) => 1 / (unit.left.length + unit.right.length));
  const lane = Float64Array.from(units, (unit) => unit.lane);
  const place = new Float64Array(rails);
  const at = new Float64Array(units.length);

  return (order) => {
    for (let index = 0; index < order.length; index++) place[order[index]!] = index;
    at.fill(0);
    for (let link = 0; link < flatUnit.length; link++) at[flatUnit[link]!]! += place[flatRail[link]!]! * share[flatUnit[link]!]!;
    let total = 0;
    for (let unit = 0; unit < at.length; unit++) {
      if (lane[unit] === 0) continue;
      const home = lanePlace(lane[unit]!, rails);
      at[unit]! += 0.25 * (home - at[unit]!);
      total += 0.3 * Math.abs(home - at[unit]!);
    }
    for (let link = 0; link < flatUnit.length; link++) total += Math.abs(place[flatRail[link]!]! - at[flatUnit[link]!]!);
    for (let pair = 0; pair < flatPairs.length; pair += 4) {
      const apart = at[flatPairs[pair]!]! - at[flatPairs[pair + 1]!]!;
      if ((place[flatPairs[pair + 2]!]! - place[flatPairs[pair + 3]!]!) * apart < 0) total += 0.5;
    }
    return total;
  };
}
