/** Orders the lanes from top to bottom, with few crossings and short links between a unit and the lanes that it reads and writes. */

export interface Unit {
  /** Indices of the lanes read on its left and written on its right. */
  left: number[];
  right: number[];
  /** Index of its column. Only links of units in the same column can cross. */
  column: number;
  /** Preferred half: -1 is the upper (queries and keys), +1 the lower (values), 0 neither. */
  vertical: -1 | 0 | 1;
}

/** Returns the lanes' indices from top to bottom. The same input gives the same order. */
export function orderLanes(lanes: number, units: Unit[]): number[] {
  const natural = Array.from({ length: lanes }, (_, lane) => lane);
  if (lanes < 2) return natural;
  const price = costFunction(lanes, units);
  const starts = [natural, upperFirst(lanes, units), [...natural].reverse()];
  let best = natural;
  let least = Infinity;
  for (const start of starts) {
    const order = improve(settle(start, units), price);
    const paid = price(order);
    if (paid < least - 1e-9) [best, least] = [order, paid];
  }
  return best;
}

/** The total length of all links in rows, plus 0.5 for each crossing, plus a small term for units far from their preferred half. */
export function cost(order: number[], units: Unit[]): number {
  return costFunction(order.length, units)(order);
}

/** Lanes of units that prefer the upper half come first. */
function upperFirst(lanes: number, units: Unit[]): number[] {
  const pull = new Array<number>(lanes).fill(0);
  for (const unit of units) for (const lane of [...unit.left, ...unit.right]) pull[lane]! += unit.vertical;
  return pull.map((value, lane) => ({ value, lane })).sort((x, y) => x.value - y.value || x.lane - y.lane).map(({ lane }) => lane);
}

/** Moves lanes to the barycentre of their units, repeatedly, until the order is stable. */
function settle(start: number[], units: Unit[]): number[] {
  let order = start;
  for (let round = 0; round < 24; round++) {
    const place = new Array<number>(order.length);
    order.forEach((lane, index) => (place[lane] = index));
    const sums = order.map(() => ({ sum: 0, weight: 0 }));
    for (const unit of units) {
      const linked = [...unit.left, ...unit.right];
      if (linked.length === 0) continue;
      const mean = linked.reduce((sum, lane) => sum + place[lane]!, 0) / linked.length;
      const at = mean + (unit.vertical === 0 ? 0 : 0.25 * (halfPlace(unit.vertical, order.length) - mean));
      for (const lane of linked) {
        sums[lane]!.sum += at;
        sums[lane]!.weight += 1;
      }
    }
    const wanted = sums.map(({ sum, weight }, lane) => (weight > 0 ? (sum / weight + place[lane]!) / 2 : place[lane]!));
    const next = order.slice().sort((left, right) => wanted[left]! - wanted[right]! || place[left]! - place[right]!);
    if (next.every((lane, index) => lane === order[index])) break;
    order = next;
  }
  return order;
}

/** Moves single lanes while this lowers the cost. Moves over a long distance are tried only with few lanes, because their number is quadratic. */
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

/** The middle row of a half: a quarter from the top or from the bottom. */
function halfPlace(vertical: number, lanes: number): number {
  return (lanes - 1) * (0.5 + 0.25 * vertical);
}

/** Returns the cost function of a graph. It precomputes flat arrays of the links and of the pairs that may cross. */
function costFunction(lanes: number, all: Unit[]): (order: number[]) => number {
  const units = all.filter((unit) => unit.left.length + unit.right.length > 0);
  const linkUnit: number[] = [];
  const linkLane: number[] = [];
  units.forEach((unit, index) => {
    for (const lane of [...unit.left, ...unit.right]) {
      linkUnit.push(index);
      linkLane.push(lane);
    }
  });
  // Four numbers per pair: two units, and one lane of each on the same side.
  const pairs: number[] = [];
  units.forEach((one, first) => {
    units.forEach((two, second) => {
      if (second <= first || one.column !== two.column) return;
      for (const side of ['left', 'right'] as const) {
        for (const lane of one[side]) for (const other of two[side]) if (lane !== other) pairs.push(first, second, lane, other);
      }
    });
  });
  const [flatUnit, flatLane, flatPairs] = [Int32Array.from(linkUnit), Int32Array.from(linkLane), Int32Array.from(pairs)];
  const share = Float64Array.from(units, (unit) => 1 / (unit.left.length + unit.right.length));
  const vertical = Float64Array.from(units, (unit) => unit.vertical);
  const place = new Float64Array(lanes);
  const at = new Float64Array(units.length);

  return (order) => {
    for (let index = 0; index < order.length; index++) place[order[index]!] = index;
    at.fill(0);
    for (let link = 0; link < flatUnit.length; link++) at[flatUnit[link]!]! += place[flatLane[link]!]! * share[flatUnit[link]!]!;
    let total = 0;
    for (let unit = 0; unit < at.length; unit++) {
      if (vertical[unit] === 0) continue;
      const home = halfPlace(vertical[unit]!, lanes);
      at[unit]! += 0.25 * (home - at[unit]!);
      total += 0.3 * Math.abs(home - at[unit]!);
    }
    for (let link = 0; link < flatUnit.length; link++) total += Math.abs(place[flatLane[link]!]! - at[flatUnit[link]!]!);
    for (let pair = 0; pair < flatPairs.length; pair += 4) {
      const apart = at[flatPairs[pair]!]! - at[flatPairs[pair + 1]!]!;
      if ((place[flatPairs[pair + 2]!]! - place[flatPairs[pair + 3]!]!) * apart < 0) total += 0.5;
    }
    return total;
  };
}
