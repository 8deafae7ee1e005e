/** The effect of steering on the dense model, compared with random directions. */
import { twin as text } from '../../text/en';
import { percent } from '../../text/format';
import type { RichText } from '../../text/rich-text';
import type { TwinSnapshot } from './twin-runner';

/** The smallest change of a probability that is visible in a bar. */
const VISIBLE = 0.05;
/** A channel's effect is special if at most this fraction of the random directions has half of the effect. */
const FEW = 0.1;

/** The candidate that is less likely in the dense model without steering. Steering raises it. */
export function otherOf(snapshot: TwinSnapshot): 0 | 1 {
  return snapshot.before[1] > snapshot.before[0] ? 0 : 1;
}

/** The probability that steering changes: before, at full strength, and at full strength along random directions of the same size. */
interface Effect {
  before: number;
  after: number;
  random: Random | null;
}

interface Random {
  directions: number;
  least: number;
  most: number;
  /** How many directions have at least half of the effect. */
  far: number;
}

export type Steering =
  | { kind: 'no-channel' | 'no-prompt-b' | 'working' }
  | ({ kind: 'unmoved' | 'hardly' | 'special' | 'few-as-far' | 'not-special' } & Effect);

/** The effect of steering at full strength. */
export function steering(snapshot: TwinSnapshot): Steering {
  if (snapshot.case.channel === null) return { kind: 'no-channel' };
  if (snapshot.case.b === null) return { kind: 'no-prompt-b' };
  const { curve } = snapshot;
  if (!curve) return { kind: 'working' };
  const other = otherOf(snapshot);
  const [before, after] = [snapshot.before[other], curve.at(-1)!.p[other]];
  const random = randomEffect(snapshot.random?.map((p) => p[other]) ?? [], before, after);
  const effect = { before, after, random };
  if (percent(before) === percent(after)) return { kind: 'unmoved', ...effect };
  if (Math.abs(after - before) < VISIBLE) return { kind: 'hardly', ...effect };
  if (!random || random.far === 0) return { kind: 'special', ...effect };
  return { kind: random.far > FEW * random.directions ? 'not-special' : 'few-as-far', ...effect };
}

function randomEffect(values: number[], before: number, after: number): Random | null {
  if (values.length === 0) return null;
  const far = values.filter((p) => Math.abs(p - before) >= Math.abs(after - before) / 2).length;
  return { directions: values.length, least: Math.min(...values), most: Math.max(...values), far };
}

/** `reason`: why there is no prompt B. */
export function steeringText(snapshot: TwinSnapshot, candidates: [string, string], reason: string | null): RichText {
  const of = steering(snapshot);
  const candidate = candidates[otherOf(snapshot)];
  switch (of.kind) {
    case 'no-channel':
      return [text.nothingToSteer];
    case 'no-prompt-b':
      return [text.off(reason)];
    case 'working':
      return [text.working];
    case 'unmoved':
      return text.unmoved(candidate, of.before);
    case 'hardly':
      return [...text.hardlyMoved(candidate, of.before, of.after), of.random ? text.randomRange(of.random.directions, of.random.least, of.random.most) : text.alone];
    default:
      return [...text.moved(candidate, of.before, of.after), comparison(of)];
  }
}

function comparison({ kind, before, after, random }: { kind: string } & Effect): string {
  if (!random) return text.alone;
  const { directions, least, most, far } = random;
  if (kind === 'not-special') return text.randomAsFar(directions, far);
  if (kind === 'few-as-far') return text.randomFew(directions, far);
  return after > before ? text.randomBelow(directions, most) : text.randomAbove(directions, least);
}

/** The median random direction, by the probability of the second candidate (nearest rank). */
export function medianOf(random: [number, number][]): [number, number] | null {
  const sorted = [...random].sort((left, right) => left[1] - right[1]);
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? null;
}
