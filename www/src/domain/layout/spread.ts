/** Placing things along one axis. Pure arithmetic, no DOM. */

/**
 * Moves items apart until none overlap, as little as possible in the squares of their moves, their order kept (pool adjacent
 * violators on the positions less the room that the items before need). Items keep within [low, high] where they fit at all.
 */
export function spread(wanted: number[], halves: number[], low: number, high: number): number[] {
  const order = wanted.map((_, index) => index).sort((left, right) => wanted[left]! - wanted[right]! || left - right);
  const offsets: number[] = [];
  let room = 0;
  for (const [place, index] of order.entries()) {
    if (place > 0) room += halves[order[place - 1]!]! + halves[index]!;
    offsets.push(room);
  }
  // Pools of items that touch: their common mean.
  const pools: { sum: number; size: number }[] = [];
  for (const [place, index] of order.entries()) {
    let pool = { sum: wanted[index]! - offsets[place]!, size: 1 };
    while (pools.length > 0 && pools.at(-1)!.sum / pools.at(-1)!.size > pool.sum / pool.size) {
      const before = pools.pop()!;
      pool = { sum: before.sum + pool.sum, size: before.size + pool.size };
    }
    pools.push(pool);
  }
  const first = order[0];
  if (first === undefined) return [];
  const least = low + halves[first]!;
  const most = high - halves[order.at(-1)!]! - room;
  const result = new Array<number>(wanted.length);
  let place = 0;
  for (const pool of pools) {
    const mean = Math.max(least, Math.min(Math.max(least, most), pool.sum / pool.size));
    for (let member = 0; member < pool.size; member++, place++) result[order[place]!] = mean + offsets[place]!;
  }
  return result;
}

/**
 * Gives each item a slot of its own (slots ascend, at least as many as items), the order of the wanted positions kept, the sum of
 * the moves least. Returns the slot's index for each item.
 */
export function assignSlots(wanted: number[], slots: number[]): number[] {
  const order = wanted.map((_, index) => index).sort((left, right) => wanted[left]! - wanted[right]! || left - right);
  const items = order.length;
  const rows = slots.length;
  // best[i][j]: the lowest cost of items 0..i in slots 0..j; item i need not be in slot j.
  const best = Array.from({ length: items + 1 }, () => new Float64Array(rows + 1).fill(Infinity));
  best[0]!.fill(0);
  for (let item = 1; item <= items; item++) {
    const target = wanted[order[item - 1]!]!;
    for (let slot = 1; slot <= rows; slot++) {
      const take = best[item - 1]![slot - 1]! + Math.abs(slots[slot - 1]! - target);
      best[item]![slot] = Math.min(best[item]![slot - 1]!, take);
    }
  }
  const result = new Array<number>(items).fill(0);
  let slot = rows;
  for (let item = items; item > 0; item--) {
    while (slot > 1 && best[item]![slot - 1]! <= best[item]![slot]!) slot--;
    result[order[item - 1]!] = slot - 1;
    slot--;
  }
  return result;
}
