/** The texts of the prediction: bars, Flip, the sentence under the bars, the modes. */
import type { Contrast } from '../../domain/contrast';
import type { Mode } from '../../engine/protocol';
import { capital, decimalsFor, NBSP, percent, percentDigits, plain, sayToken, showToken, signed, wholePercent } from '../format';
import { linked, type RichText, type Span } from '../rich-text';
import { CIRCUIT, counted } from './common';

const TOKENS: Span = { term: 'token', words: 'tokens' };

export const prediction = {
  what: 'What happens here',
  label: 'Which of these two comes next?',
  /** Who answers, by the mode. */
  who: {
    full: 'The full model answers.',
    circuit: 'The circuit alone answers.',
    removed: 'The model without the circuit answers.',
  } satisfies Record<Mode, string>,
  was: (p: number) => `was ${percent(p)}`,
  fullModel: (p: number) => `full model ${percent(p)}`,
  wrong: '✕ wrong',
  marks: { full: 'full model', baseline: 'baseline' },
  /** Before the most likely tokens: of this run, or of the full model. */
  tokens: { now: ['Most likely of all ', TOKENS, ', %:'] as RichText, full: ['Full model, all ', TOKENS, ', %:'] as RichText },
  unlikely: (both: number, full: boolean): RichText => [full ? 'Full model: of all ' : 'Of all ', TOKENS, `, these two together get ${percent(both)}; more likely are, %:`],
  /** For a screen reader, after a change. */
  announced: (candidates: [string, string], p: [number, number]) => candidates.map((token, index) => `${sayToken(token)} ${percent(p[index as 0 | 1])}`).join(', '),
};

export const flip = {
  label: 'Flip',
  back: 'Flip it back',
  afterLoading: 'Ready as soon as the model is loaded.',
  notLoaded: 'The model is not loaded.',
  loading: 'The model is loading.',
  noNodes: 'This circuit has no nodes to flip.',
  removed: 'With the circuit removed there is nothing to flip.',
  noPromptB: 'There is no counterfactual prompt to take values from.',
  textStays: 'Your text does not change.',
  copies: (nodes: number): RichText => [
    `Copies ${counted(nodes, '')}`, { term: 'node', words: nodes === 1 ? 'node’s' : 'nodes’' }, ` value${nodes === 1 ? '' : 's'} from the `, { term: 'counterfactual', words: 'counterfactual' }, ' prompt. Your text stays. ',
  ],
  /** `alone`: the circuit alone answers. */
  rates: (circuit: number, full: number, alone: boolean): RichText => [
    'Reverses ', { strong: wholePercent(alone ? circuit : full) }, ' of test prompts', alone ? ` (full${NBSP}model:${NBSP}${wholePercent(full)}).` : '.',
  ],
  /** After a flip. `kind`: whether the control keeps the answer as it was, moves it, or reverses it. */
  control: (donors: number, candidate: string, min: number, max: number, kind: 'keeps' | 'moves' | 'reverses'): RichText => [
    { term: 'control', words: 'Control' }, `: with values from ${donors === 1 ? 'another prompt' : counted(donors, 'other prompt')} that need${donors === 1 ? 's' : ''} the same answer, `, { code: showToken(candidate) },
    kind === 'keeps' ? ', it stays at ' : ', it goes to ', { strong: range(min, max) }, kind === 'reverses' ? ': these nodes carry more than the answer.' : '.',
  ],
};

/** The text in which prompts A and B differ. */
export const contrast = {
  /** Before a statement about A. */
  after: ({ a, b }: Contrast): RichText => (a === '' ? ['Without ', word(b), ' '] : ['After ', word(a), ' ']),
  /** What the counterfactual has there, after "the counterfactual prompt, which ". */
  where: ({ a, b }: Contrast): RichText => (b === '' ? ['lacks ', word(a)] : a === '' ? ['has ', word(b)] : ['has ', word(b), ' instead']),
};

function word(text: string): Span {
  return sayBlank(text) ?? { code: showToken(text.trim()).replaceAll('·', ' ') };
}

/** White space in words: `4 spaces`, `a line end and a tab`; null where a text is more than white space. */
export function sayBlank(text: string): string | null {
  if (text === '' || /\S/.test(text)) return null;
  const runs = text.replace(/\r\n?/g, '\n').match(/ +|\t+|\n+|[^ \t\n]+/g)!;
  const name: Record<string, string> = { ' ': 'space', '\t': 'tab', '\n': 'line end' };
  return runs.map((run) => (run.length === 1 ? `a ${name[run] ?? 'blank'}` : `${run.length} ${name[run[0]!] ?? 'blank'}s`)).join(' and ');
}

/** A node's value before and after a change, at the token at which the graph reads it; null outside the circuit. */
export type Moved = { from: number; to: number } | null;

/** What a sentence under the bars is made of. */
export interface Told {
  candidates: [string, string];
  mode: Mode;
  p: [number, number];
  winner: 0 | 1;
  right: 0 | 1 | null;
  wrong: boolean;
  full: [number, number] | null;
  fullWinner: 0 | 1;
  untouched: [number, number] | null;
}

/** The one who answers, inside a sentence. */
const WHO: Record<Mode, string> = { full: 'the full model', circuit: 'the circuit alone', removed: 'the model without the circuit' };

/** `')` (98.6 %). */
function answerWith(candidate: string, p: number, strong = false): RichText {
  return [{ code: showToken(candidate), strong }, strong ? { strong: ` (${percent(p)})` } : ` (${percent(p)})`];
}

/** The sentence under the bars. */
export const summary = {
  /** Under the sentence of the untouched full model: what a newcomer can do. */
  tryThis: [
    'Try this: ', { strong: '1' }, ' Flip. ', { strong: '2' }, ' Click a ', { term: 'node', words: 'node' }, ', then Off. ', { strong: '3' }, ' Circuit only: is the answer the same? ', { strong: '4' }, ' Type a prompt of your own.',
  ] as RichText,
  loading: 'The model is loading; numbers will appear in a moment.',
  noTask: (reason: string | null): RichText => [reason ?? 'This task does not apply to the prompt.'],
  prefers: ({ candidates, p, winner, wrong }: Told, sees: Contrast | null): RichText => [
    ...(sees ? [...contrast.after(sees), 'the full model'] : ['The full model']), ' prefers ', { code: showToken(candidates[winner]) }, ' to ', { code: showToken(candidates[1 - winner]!) }, ': ',
    { strong: percent(p[winner]) }, ' to ', { strong: percent(p[1 - winner]!) }, '. ',
    ...(wrong ? [{ strong: 'That is wrong' }, ': ', { code: showToken(candidates[1 - winner]!) }, ' is right here. '] : []),
  ],
  level: ({ candidates, p, winner, wrong }: Told): RichText => [
    'The two are almost level: ', { code: showToken(candidates[winner]) }, ' ', { strong: percent(p[winner]) }, '. ', ...(wrong ? [{ code: showToken(candidates[1 - winner]!) }, ' is right here. '] : []),
  ],
  flipChanges: (names: string[]): RichText => [
    { strong: 'Flip' }, ` changes ${counted(names.length, '')}`, { term: 'node', words: names.length === 1 ? 'node' : 'nodes' }, ...(names.length === 1 ? linked([`, ${names[0]!}`]) : []), '.',
  ],
  circuitAlone: ({ candidates, p, winner, wrong, right, full, fullWinner }: Told): RichText => {
    const here: RichText = ['The ', CIRCUIT, ' alone prefers ', ...answerWith(candidates[winner], p[winner])];
    const there = full === null ? [] : answerWith(candidates[fullWinner], full[fullWinner]);
    if (winner === fullWinner) return [...here, ', and so does the full model', ...(full === null ? [] : [` (${percent(full[fullWinner])})`]), '.', ...(wrong ? [' ', { strong: 'Both are wrong' } as Span, '.'] : [])];
    if (wrong) return [{ strong: 'The ' }, CIRCUIT, { strong: ' alone prefers ' }, ...answerWith(candidates[winner], p[winner], true), { strong: '. That is wrong.' }, ' The full model says ', ...there, '.'];
    return [...here, right === winner ? ', which is right. The full model says ' : '. The full model says ', ...there, right === null ? '. They disagree.' : '.'];
  },
  /** How far the circuit moves a candidate from the baseline. `wins`: whether the circuit prefers it. */
  pushes: (candidate: string, from: number, to: number, wins: boolean): RichText => {
    const token: Span = { code: showToken(candidate) };
    const baseline: Span = { term: 'baseline', words: 'baseline' };
    if (percent(from) === percent(to)) return ['The circuit does not move ', token, `: ${percent(to)}, as at the `, baseline, '.'];
    const numbers: RichText = [token, `: from ${percent(from)} at the `, baseline, ` to ${percent(to)}.`];
    if (to < from) return ['The circuit pushes away from ', ...numbers];
    return wins ? ['The circuit pushes towards ', ...numbers] : ['The circuit does push towards ', ...numbers, ' That is not far enough.'];
  },
  /** After an edit that leaves the circuit with the answer of the baseline. */
  asBaseline: (candidate: string, p: number): RichText => ['Compare the ', { term: 'baseline', words: 'baseline' }, ': with every node at its average, the circuit prefers ', ...answerWith(candidate, p), '.'],
  removed: ({ candidates, p, winner, wrong, full, fullWinner }: Told): RichText => [
    'Without the ', CIRCUIT, ' the model prefers ', ...answerWith(candidates[winner], p[winner]), '. ', ...(wrong ? [{ strong: 'That is wrong.' } as Span, ' '] : []),
    ...(full === null ? [] : ['The full model says ', ...answerWith(candidates[fullWinner], full[fullWinner]), '.']),
  ],
  flipHeld: (names: string[]): RichText => [
    flipped(names), names.length === 1 ? ' stays at its average' : ' stay at their averages', ': with the circuit removed, Flip has nothing to change.',
  ],
  flipped: (names: string[], sees: Contrast | null, moved: Moved): RichText => [
    flipped(names), names.length === 1 ? ' took its value' : ' took their values', ' from the ', { term: 'counterfactual', words: 'counterfactual' },
    ...(sees ? [', which ', ...contrast.where(sees)] : []), names.length === 1 && moved ? `: ${becomes(moved)}. ` : '. ',
  ],
  off: (name: string, mean: number | undefined, moved: Moved): RichText => [
    named(name), ' is off: fixed at its ', { term: 'average', words: 'average' }, mean === undefined ? '. ' : `, ${signed(mean)}. `, ...(moved ? [`Computed: ${signed(moved.from)}. `] : []),
  ],
  set: (name: string, value: number, moved: Moved): RichText => [named(name), ` is set to ${plain(value, decimalsFor([value]))} at every token`, moved ? `; computed: ${signed(moved.from)}. ` : '. '],
  scaled: (name: string, factor: number, moved: Moved): RichText => [named(name), ` is multiplied by ${plain(factor)}`, moved ? `: ${becomes(moved)}. ` : '. '],
  patched: (name: string, moved: Moved): RichText => [
    named(name), ' took its value from the ', { term: 'counterfactual', words: 'counterfactual' }, moved ? `: ${becomes(moved)}. ` : '. ',
  ],
  edgeOff: (from: string, to: string): RichText => [{ strong: `The edge from ${from} to ${to}` }, ' is off. '],
  changed: (nodes: number, edges: number, flip: boolean): RichText => {
    const parts = [
      ...(nodes > 0 ? [`${counted(nodes, 'node')} ${nodes === 1 ? 'is' : 'are'} changed`] : []),
      ...(edges > 0 ? [`${counted(edges, 'edge')} ${edges === 1 ? 'is' : 'are'} off`] : []),
      ...(flip ? ['Flip is on'] : []),
    ];
    return [{ strong: capital(parts[0]!) }, parts.slice(1).map((part, index) => `${index === parts.length - 2 ? ' and ' : ', '}${part}`).join(''), '. '];
  },
  /** What the edits do, against the same mode without them. */
  effect: ({ candidates, mode, p, winner, untouched, wrong, right }: Told): RichText => {
    if (untouched === null) return [];
    const before: 0 | 1 = untouched[1] > untouched[0] ? 1 : 0;
    const [from, to] = [percent(untouched[winner]), percent(p[winner])];
    if (from === to) return ['The probabilities do not change: ', { strong: to }, ' for ', { code: showToken(candidates[winner]) }, '.'];
    if (before !== winner) return [`${capital(WHO[mode])} now prefers `, { code: showToken(candidates[winner]) }, ': from ', { strong: from }, ' to ', { strong: to }, '.'];
    const note = wrong && right !== null ? ', which is wrong' : '';
    return [{ code: showToken(candidates[winner]) }, p[winner] > untouched[winner] ? ' rises from ' : ' falls from ', { strong: from }, ' to ', { strong: to }, `${note}.`];
  },
};

/** `98.4 %`, or `97.0 to 98.6 %` where the two differ. */
function range(min: number, max: number): string {
  return percent(min) === percent(max) ? percent(min) : `${percentDigits(min)} to ${percent(max)}`;
}

function becomes({ from, to }: { from: number; to: number }): string {
  return signed(from) === signed(to) ? `it stays at ${signed(to)} here` : `${signed(from)} became ${signed(to)}`;
}

function flipped(names: string[]): Span {
  return { strong: capital(names.length === 1 ? names[0]! : counted(names.length, 'node')) };
}

function named(name: string): Span {
  return { strong: capital(name) };
}

export const modes = {
  label: 'What runs',
  /** The second name is for narrow windows. */
  names: { full: ['Full model', 'Full'], circuit: ['Circuit only', 'Circuit'], removed: ['Circuit removed', 'Removed'] } satisfies Record<Mode, [string, string]>,
  hints: {
    circuit: ['All but the ', CIRCUIT, ' is fixed at its ', { term: 'average', words: 'average' }, '.'],
    removed: ['The ', CIRCUIT, ' is fixed at its ', { term: 'average', words: 'average' }, '; everything else runs.'],
  } satisfies Record<Exclude<Mode, 'full'>, RichText>,
  view: 'View',
  views: { graph: 'Graph', list: 'List' },
  inactive: (nodes: number) => `${nodes} nodes are inactive on this task's example`,
  fold: (nodes: number) => `Hide ${nodes} inactive`,
  unfold: (nodes: number) => `${nodes} more`,
};
