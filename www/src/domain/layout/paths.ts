/** Curves of the graph. */
import { linkHorizontal } from 'd3-shape';

type Point = [number, number];

const link = linkHorizontal<{ source: Point; target: Point }, Point>().digits(1);

/** An edge as a curve that is horizontal at both ends. */
export function curve(source: Point, target: Point): string {
  return link({ source, target }) ?? '';
}

/** One curve through all points. */
export function through(points: [number, number][]): string {
  return points
    .slice(1)
    .map((point, index) => {
      const path = curve(points[index]!, point);
      return index === 0 ? path : path.slice(path.indexOf('C'));
    })
    .join('');
}

/** The point of a `curve` at parameter t in 0..1. */
export function pointAt([x0, y0]: [number, number], [x1, y1]: [number, number], t: number): [number, number] {
  const middle = (x0 + x1) / 2;
  const s = 1 - t;
  const mix = (a: number, b: number, c: number, d: number) => s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d;
  return [mix(x0, middle, middle, x1), mix(y0, y0, y1, y1)];
}

/** Positions of the minus badges: near the middle of each curve, without overlapping each other or the points in `taken`. */
export function badges(curves: [number, number][][], radius: number, taken: [number, number][]): [number, number][] {
  const placed: [number, number][] = [];
  return curves.map((points) => {
    const [from, to] = longest(points);
    let best = pointAt(from, to, 0.5);
    let room = -1;
    for (const t of [0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78]) {
      const point = pointAt(from, to, t);
      const free = Math.min(...[...placed, ...taken].map((other) => Math.hypot(point[0] - other[0], point[1] - other[1])), radius * 3);
      if (free > room + 0.5) [best, room] = [point, free];
      if (room >= radius * 2.4) break;
    }
    placed.push(best);
    return best;
  });
}

function longest(points: [number, number][]): [[number, number], [number, number]] {
  let best = 1;
  const length = (index: number) => Math.abs(points[index]![0] - points[index - 1]![0]) + Math.abs(points[index]![1] - points[index - 1]![1]);
  for (let index = 2; index < points.length; index++) if (length(index) > length(best)) best = index;
  return [points[best - 1]!, points[best]!];
}
