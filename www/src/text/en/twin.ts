/** The texts of the dense twin. */
import type { FailureKind } from '../../engine/protocol';
import { bytes, lowerFirst, NBSP, percent, sayToken, showToken } from '../format';
import type { RichText } from '../rich-text';
import { because, blockName } from './common';

export const twin = {
  name: 'Dense twin',
  openHint: 'The same prompt in an ordinary, dense model, steered along a channel of the sparse model that was trained with it',
  noTask: 'The dense twin was not trained for this task.',
  /** Why a call to the twin has no answer. */
  failure: (kind: FailureKind, cause: string) =>
    kind === 'failed'
      ? `The dense twin failed twice with this input${because(cause)}. Change the input to continue.`
      : `The dense twin stopped${because(cause)}. Close it and open it again.`,
  noFiles: (file: string) => `${file} has no dense twin.`,
  noWasm: (error: string) => `This browser cannot run the dense twin's engine (${error}).`,
  unusable: (dense: string, bridge: string, error: string) => `${dense} and ${bridge} cannot be used: ${error}`,
  notLoaded: 'The dense twin is not loaded yet.',
  intro: 'A dense model, an ordinary transformer, next to the sparse one. A bridge maps what a channel of the sparse model reads to this model.',
  otherCircuit: 'Another sparse model is drawn now, the one that was trained with the dense model. Closing the twin brings back the other model with your changes.',
  close: 'Close dense twin',
  loading: (progress: { loaded: number; total: number } | null) =>
    progress ? `Loading the dense model, ${bytes(progress.loaded)} of ${bytes(progress.total)}` : 'Loading the dense model',
  loadingLabel: 'Loading the dense twin',
  next: 'Dense model, next token',
  /** Followed by the token and its median. */
  randomMedian: (directions: number) => `Median of ${directions} random directions: `,
  randomBefore: (p: number) => `(without steering: ${percent(p)})`,
  channel: 'Channel',
  best: 'best on train pairs',
  channelName: (name: string | null, index: number, layer: number, site: string) => `${name ?? `channel ${index}`}, L${layer} ${blockName(site)}`,
  noRead: (channel: string, taken: string | null) => `This circuit does not read ${channel}; ${taken ?? 'no channel'} is used.`,
  strength: 'Strength',
  strengthValue: (strength: number) => `${Math.round(strength * 100)}${NBSP}%`,
  strengthSaid: (strength: number) => `${Math.round(strength * 100)} %`,
  switch: 'Hybrid pass',
  switchHint: 'A pass starts in one model, crosses the bridge at this point and ends in the other model',
  /** The name of a boundary at which a hybrid pass switches models. */
  boundary: (boundary: number) =>
    boundary === 0 ? 'after the embedding' : `after layer ${(boundary - 1) >> 1}'s ${boundary % 2 === 1 ? 'attention' : 'MLP'}`,
  sparseToDense: 'Sparse, then dense:',
  denseToSparse: 'Dense, then sparse:',
  /** The numbers of the bars, in words. */
  now: (candidate: string, strength: number, before: number, p: number): RichText =>
    strength === 0
      ? ['Not steered: ', { code: showToken(candidate) }, ' ', { strong: percent(p) }, '. Move the slider or flip.']
      : [`Steered at ${Math.round(strength * 100)} %: `, { code: showToken(candidate) }, ' ', { strong: percent(p) }, `, without steering ${percent(before)}.`],
  notFlipped: 'The sparse model above is not flipped, so the two models may differ.',
  notSteered: 'The sparse model above is flipped and the dense model is not steered, so the two may differ.',
  nothingToSteer: 'This circuit has no read, so there is no channel to steer along.',
  off: (why: string | null) => `Steering is off: ${lowerFirst(why ?? 'there is no counterfactual prompt to take a change from.')}`,
  working: 'Computing the effect of this channel…',
  unmoved: (candidate: string, p: number): RichText => [
    'At full strength this channel does not change the dense model: ', { code: showToken(candidate) }, ` stays at ${percent(p)}.`,
  ],
  hardlyMoved: (candidate: string, from: number, to: number): RichText => [
    'At full strength this channel hardly changes the dense model: its probability of ', { code: showToken(candidate) }, ` goes from ${percent(from)} to `, { strong: percent(to) },
  ],
  moved: (candidate: string, from: number, to: number): RichText => [
    'At full strength this channel raises the dense model’s probability of ', { code: showToken(candidate) }, ` from ${percent(from)} to `, { strong: percent(to) },
  ],
  alone: '.',
  randomRange: (directions: number, min: number, max: number) => `; with ${random(directions)} it is between ${percent(min)} and ${percent(max)}.`,
  randomAsFar: (directions: number, far: number) => `; but ${far} of ${random(directions)} have at least half of this effect, so it is not specific to this channel.`,
  randomFew: (directions: number, far: number) => `; only ${far} of ${random(directions)} ${far === 1 ? 'has' : 'have'} even half of this effect.`,
  randomBelow: (directions: number, max: number) => `; with ${random(directions)} it is at most ${percent(max)}.`,
  randomAbove: (directions: number, min: number) => `; with ${random(directions)} it is at least ${percent(min)}.`,
  chart: (candidate: string, curve: { strength: number; p: number }[]) =>
    `Probability of ${sayToken(candidate)} by strength: ${curve.map(({ strength, p }) => `${Math.round(strength * 100)} %: ${percent(p)}`).join('; ')}`,
  chartStrength: 'strength of this channel, %',
  /** Before and after the token. */
  chartProbability: ['probability of ', ' in the dense model, %'],
  chartRandom: (directions: number) => [`${directions || ''} random`, 'directions'],
  chartOthers: (channels: number) => [`${channels} other`, `channel${channels === 1 ? '' : 's'}`],
  randomDot: (p: number) => `Random direction: ${percent(p)}`,
  otherDot: (name: string, node: string, p: number) => `${name} (${node}): ${percent(p)}`,
  nowDot: (p: number) => `Now: ${percent(p)}`,
};

function random(directions: number): string {
  return `${directions} random directions of the same size`;
}
