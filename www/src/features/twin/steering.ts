/** What the dense twin shows, in sentences. */
import type { TwinNumbers } from './twin-runner';
import { givenName, sayToken } from '../../text/names';
import { percent } from '../../text/format';
import type { NodeInfo } from '../../engine/protocol';
import type { Piece } from '../../text/rich-text';

/** From this change of a probability on, one sees a bar move. */
const SEEN = 0.05;
/** Up to this share of random pushes may come half as far before a channel's effect counts as nothing special. */
const FEW = 0.1;

/** The candidate that the dense model by itself holds for the less likely of the two: the one to steer it to. */
export function otherOf(numbers: TwinNumbers): 0 | 1 {
  return numbers.before[1] > numbers.before[0] ? 0 : 1;
}

/** What steering at full strength does here, and how that compares with random pushes of the same size. */
export function steering(numbers: TwinNumbers, candidates: [string, string], reason: string | null): Piece[] {
  if (numbers.case.channel === null) return ['This circuit reads no channel by itself, so there is nothing to steer by.'];
  if (numbers.case.b === null) return [`Steering is off: ${lower(reason ?? 'there is no prompt B to take a change from.')}`];
  const { curve, random } = numbers;
  if (!curve) return ['Working out what this channel does…'];
  const other = otherOf(numbers);
  const [before, after] = [numbers.before[other], curve.at(-1)!.p[other]];
  const token: Piece = { code: sayToken(candidates[other]) };
  const rise = after - before;
  if (percent(before) === percent(after)) {
    return ['Adding this one channel’s change does not move the dense model: ', token, ` stays at ${percent(before)}.`];
  }
  const move = [token, ` from ${percent(before)} to `, { strong: percent(after) }];
  const start: Piece[] =
    Math.abs(rise) < SEEN
      ? ['Adding this one channel’s change hardly moves the dense model: ', ...move]
      : ['Adding this one channel’s change moves the dense model’s ', ...move];
  if (!random || random.length === 0) return [...start, '.'];
  const chances = random.map((p) => p[other]);
  const [least, most] = [Math.min(...chances), Math.max(...chances)];
  const pushes = `${random.length} random pushes of the same size`;
  if (Math.abs(rise) < SEEN) return [...start, `; ${pushes} end between ${percent(least)} and ${percent(most)}.`];
  const far = chances.filter((p) => Math.abs(p - before) >= Math.abs(rise) / 2).length;
  if (far > FEW * random.length) return [...start, `; but ${far} of ${pushes} come half as far or farther, so this says little.`];
  if (far > 0) return [...start, `; only ${far} of ${pushes} ${far === 1 ? 'comes' : 'come'} half as far.`];
  return [...start, rise > 0 ? `; ${pushes} never exceed ${percent(most)}.` : `; ${pushes} never go below ${percent(least)}.`];
}

/** The middle one of the random pushes, by the second candidate (the nearest rank): what such a push usually does. */
export function middle(random: [number, number][]): [number, number] | null {
  const sorted = [...random].sort((left, right) => left[1] - right[1]);
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? null;
}

/** A sentence behind a colon. */
function lower(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** A channel in the narrow list, its number first: `channel 126, layer 1 attention`; by its name where it has one. */
export function channelName(info: Pick<NodeInfo, 'site' | 'index' | 'label' | 'layer'>): string {
  const place = `layer ${info.layer} ${info.site.startsWith('attn') ? 'attention' : 'MLP'}`;
  return `${givenName(info) ?? `channel ${info.index}`}, ${place}`;
}

/** Where a hybrid pass changes models: one name a boundary. */
export function switchPoint(boundary: number): string {
  if (boundary === 0) return 'after the embedding';
  const layer = (boundary - 1) >> 1;
  return `after layer ${layer}'s ${boundary % 2 === 1 ? 'attention' : 'MLP'}`;
}
