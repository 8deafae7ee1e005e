/** The texts of the panel: what a node, a logit, a head or the embedding is made of, and its changes. */
import type { Behaviour, Level, Mixed, Moment, NodeContrast, NodeInfo, TermSource, ValueNote } from '../../engine/protocol';
import { lowerFirst, NBSP, showToken, signed, wholePercent } from '../format';
import type { RichText, Span } from '../rich-text';
import { AVERAGE, CIRCUIT } from './common';
import { sayBlank } from './prediction';

/** The panel of a logit. */
export const logit = {
  title: (candidate: string): RichText => [{ term: 'logit', words: 'Logit' }, ' of ', { code: candidate }],
  place: 'after the last token',
  steps: 'How the bar comes about',
  of: (candidate: string): RichText => ['logit of ', { code: candidate }],
  difference: 'difference',
  divided: ['divided by its ', { term: 'spread', words: 'spread' }] as RichText,
  times: ['times the ', { term: 'slope', words: 'slope' }] as RichText,
  plus: ['plus the ', { term: 'shift', words: 'shift' }, ': the ', { term: 'score', words: 'score' }] as RichText,
  probability: (candidate: string): RichText => ['probability of ', { code: candidate }],
  fitted: [
    'Slope and shift make the right answers as likely as possible on the prompts of the ', { term: 'calibration', words: 'calibration' },
    '; the slope is at most 3, so that a few easy prompts cannot hide a weak circuit. The full model has no such steps.',
  ] as RichText,
  plain: ['The probability is sigmoid(difference): the two ', { term: 'logit', words: 'logits' }, ' alone, without the other tokens.'] as RichText,
};

/** The panel of an attention head. */
export const pattern = {
  title: (layer: number, head: number) => `Layer ${layer}, head ${head}`,
  hint: 'Each row is a token that looks; each column is a token that it looks at. Darker means more attention. Click a row to show the drawing at that token.',
  label: (tokens: number) => `Attention pattern of ${tokens} by ${tokens} tokens`,
  cell: (query: string, key: string, weight: number) => `${query} looks at ${key}: ${(weight * 100).toFixed(1)} %`,
};

/** The panel of the embedding. */
export const embedding = {
  title: 'Embedding',
  place: (token: number) => `of token ${token + 1}, `,
  hint: 'What the token itself writes to each channel that the circuit uses.',
  value: 'Value by channel',
};

export const panel = {
  label: (node: string) => `Node ${node}`,
  down: 'Collapse panel',
  up: 'Expand panel',
  close: 'Close the panel',
  outside: ', outside the circuit',
  pending: 'Updating…',
  activation: 'Value at each token',
  /** Followed by the token. */
  valueAt: (value: number) => `${signed(value)} at `,
  tokens: 'Token at which values are read',
  token: (token: string, value: number) => `${showToken(token)}, ${signed(value)}`,
  tokenHint: (token: string, value: number) => `${showToken(token)}: ${signed(value)}`,
  attention: (head: number) => `Attention of head ${head}`,
  attentionFrom: (sink: number) => `from the last token${sink > 0 ? `; sink: ${wholePercent(sink)}` : ''}`,
  attentionList: 'Attention by token',
  attentionHint: (token: string, weight: number) => `${showToken(token)}: ${(weight * 100).toFixed(1)} %`,
  attentionShare: (weight: number) => `${(weight * 100).toFixed(0)} %`,
  score: ['Right column: ', { term: 'qkv', words: 'query × key' }, ' of this channel, its contribution to the attention score before the softmax.'] as RichText,
};

/** The panel of an edge. */
export const edge = {
  title: 'Edge',
  between: (from: string, to: string) => `${from} → ${to}`,
  from: 'From ',
  to: 'To ',
  off: 'Switch off',
  on: 'Switch on',
  pending: 'Updating…',
  isOn: (mean: number | null): RichText => ['Switch off: the target reads the ', AVERAGE, ` of the source${mean === null ? '' : `, ${signed(mean)}`}. Everything else reads the source as it is.`],
  isOff: (mean: number | null): RichText => ['Off: the target reads the ', AVERAGE, ` of the source${mean === null ? '' : `, ${signed(mean)}`}. Everything else reads the source as it is.`],
};

const COUNTERFACTUAL: Span = { term: 'counterfactual', words: 'counterfactual prompt' };

/** Off, Set, Scale and Patch, and what they do to the node. */
export const change = {
  label: 'Change this node',
  undo: 'Press again to undo',
  names: { off: 'Off', set: 'Set', scale: 'Scale', patch: 'Patch' },
  mean: (mean: number | null) => (mean === null ? 'which this model does not have' : signed(mean)),
  noPromptB: 'There is no counterfactual prompt to patch from.',
  held: (mean: number | null, computed: number): RichText => ['This mode fixes it at its ', AVERAGE, `, ${change.mean(mean)}, for both prompts. Without that it would be ${signed(computed)}.`],
  flipped: (value: number, computed: number): RichText => [
    'Flip copies the values of the ', COUNTERFACTUAL, `, lined up from the last token backwards. Here ${signed(value)}; computed ${signed(computed)}.`,
  ],
  none: (mean: number | null, noPatch: string | null): RichText => [
    'Computed as usual. Off would fix it at its ', AVERAGE, `, ${change.mean(mean)}. `, ...(noPatch === null ? ['Patch would copy its values from the ', COUNTERFACTUAL, '.'] : [noPatch]),
  ],
  off: (mean: number | null, computed: number): RichText => ['Fixed at its ', AVERAGE, ` over ordinary code, ${change.mean(mean)}, at every token. Computed: ${signed(computed)}. Press Off again to undo.`],
  patchUnavailable: (why: string): RichText => [`Unavailable: ${lowerFirst(why)}`],
  patchHeld: (mean: number | null): RichText => ['Takes its values from the ', COUNTERFACTUAL, `, where this mode also fixes it at its average, ${change.mean(mean)}.`],
  patched: (value: number, computed: number): RichText => [
    'Takes its values from the ', COUNTERFACTUAL, `, lined up from the last token backwards. Here ${signed(value)}; computed ${signed(computed)}.`,
  ],
  setLabel: 'Value at every token',
  set: (held: boolean, mean: number | null, computed: number): RichText => [`The same value at every token. ${otherwise(held, mean, computed)}.`],
  scaleLabel: 'Factor',
  times: '× ',
  scaled: (held: boolean, mean: number | null, computed: number, value: number): RichText =>
    [held ? `${otherwise(held, mean, computed)}; here ${signed(value)}.` : `${signed(computed)} becomes ${signed(value)} here.`],
  asNumber: (label: string) => `${label}, as a number`,
};

/** What the node would be without the change. */
function otherwise(held: boolean, mean: number | null, computed: number): string {
  return held ? `This mode fixes it at its average, ${change.mean(mean)}` : `Computed: ${signed(computed)}`;
}

/** The tables of what goes into a node and what it adds to others. */
export const terms = {
  in: 'In',
  /** What is multiplied. `weighted`: some weights are not 1; `scaled`: some values pass a norm; `mixed`: some are mixed by attention. */
  inHint: (weighted: boolean, scaled: boolean, mixed: boolean): RichText => [
    ...(weighted ? ['weight × '] : []), ...(scaled ? [{ term: 'normScale', words: 'norm scale' } as Span, ' × '] : []), 'value', ...(mixed ? [', mixed by ', { term: 'attention', words: 'attention' } as Span] : []),
  ],
  /** Over rows of nodes: inside or outside of the circuit, and whether the mode fixes them. */
  group: (inside: boolean, fixed: boolean): RichText => [
    inside ? 'in the ' : 'outside the ', CIRCUIT, ...(fixed ? [', nodes fixed at their ', AVERAGE] : []),
  ],
  rounding: 'rounding',
  off: 'edge off',
  openEdge: 'Open this edge',
  passes: 'Passes on',
  unlisted: 'Passes on nothing, or too little to be listed.',
  /** `all`: the value mixed over all tokens; null if only this token counts. */
  mixed: ({ value, attention }: Mixed, token: string, all: number | null): RichText => [
    `${signed(value, 3)} at `, { code: token }, ` × ${(attention * 100).toFixed(1)}${NBSP}% = ${signed(value * attention, 3)}`, ...(all === null ? [] : [`; all tokens ${signed(all, 3)}`]),
  ],
  bias: 'bias',
  sum: 'sum',
  afterChange: 'after the change',
  out: 'Out',
  /** How the sum becomes the value. */
  notes: (notes: ValueNote[]): RichText => (notes.length === 0 ? ['unchanged'] : notes.flatMap((one, index) => [...(index > 0 ? [', '] : []), ...note(one)])),
  /** The name of a term that belongs to no node. */
  source: (source: Exclude<TermSource, { kind: 'node' }>, candidates: [string, string]): string => {
    switch (source.kind) {
      case 'embedding':
        return 'token embedding';
      case 'position':
        return 'position';
      case 'mean':
        return 'mean over the channels';
      case 'streamChange':
        return 'changes of the residual stream itself';
      case 'token':
        return `token ${source.token + 1}`;
      case 'bigram':
        return 'bigram table';
      case 'others':
        return `${source.count} others`;
      case 'logit':
        return `logit of ${showToken(candidates[source.candidate]!)}`;
    }
  },
  exact: (weight: number, scale: number | null, activation: number, contribution: number) => `${weight}${scale === null ? '' : ` × ${scale}`} × ${activation} = ${contribution}`,
};

function note(of: ValueNote): RichText {
  switch (of.kind) {
    case 'relu':
      return ['after ReLU'];
    case 'reluZero':
      return ['after ReLU (negative values become 0)'];
    case 'gelu':
      return ['after GELU'];
    case 'kept':
      return [{ term: 'topk', words: 'kept' }, `: one of the ${of.k} largest at this token`];
    case 'dropped':
      return ['0: ', { term: 'topk', words: 'not kept' }, `, not one of the ${of.k} largest at this token`];
  }
}

/** What a node was measured to do, `high at if; higher in prompts with (" than with ('`. Empty where its label is a name or missing. */
export function doingOf({ label }: Pick<NodeInfo, 'label'>): RichText {
  if (label?.kind !== 'measured' && label?.kind !== 'words') return [];
  const behaviour = label.kind === 'words' ? behaviourOf(label.text) : label;
  if (behaviour === null) return [label.kind === 'words' ? label.text : ''];
  const { steady, moment, contrast } = behaviour;
  const parts: RichText[] = [
    ...(steady === undefined ? [] : [[`always ${steady.toFixed(2)}`]]),
    ...(moment ? [momentOf(moment)] : []),
    ...(contrast ? [difference(contrast)] : []),
  ];
  return parts.length === 0 ? ['varies from prompt to prompt'] : joined(parts, '; ');
}

/** Reads the words of earlier versions, `low at [; higher with { than with [`. Null if they are other words. */
function behaviourOf(words: string): Behaviour | null {
  const [, first = '', second = ''] = /^(.*?)(?:(?:^|; )(higher (?:with|when) .+))?$/s.exec(words)!;
  const tokens = /^higher with (.+) than with (.+)$/.exec(second);
  const answer = /^higher when the answer is (.+)$/.exec(second);
  const contrast: NodeContrast | undefined = tokens ? { kind: 'tokens', higher: tokens[1]!, lower: tokens[2]! } : answer ? { kind: 'answer', text: answer[1]! } : undefined;
  const steady = /^always (-?[\d.]+)$/.exec(first);
  const from = /^(high|low) from (.+) on$/.exec(first);
  const at = /^(high|low) at (.+?)(?: and (.+))?$/.exec(first);
  const leans = /^(?:higher at (.+?))?(?:(?:^|, )lower at (.+))?$/.exec(first);
  const moment: Moment | undefined = from ? { kind: 'from', level: from[1] as Level, token: from[2]! }
    : at ? { kind: 'at', level: at[1] as Level, tokens: at.slice(2).filter((token) => token !== undefined) }
    : leans && first !== '' ? { kind: 'leans', higher: leans[1] ?? null, lower: leans[2] ?? null } : undefined;
  if ((first !== '' && !moment && !steady) || (second !== '' && !contrast)) return null;
  return { ...(steady ? { steady: Number(steady[1]) } : {}), ...(moment ? { moment } : {}), ...(contrast ? { contrast } : {}) };
}

/** White space that is words already. */
const BLANK = /^(?:(?:a|\d+) (?:space|tab|line end|blank)s?(?: and )?)+$/;

function joined(parts: RichText[], between: string): RichText {
  return parts.flatMap((part, index) => (index === 0 ? part : [between, ...part]));
}

/** `high` and `low` are clear effects, `somewhat higher` and `somewhat lower` weak ones. */
function momentOf(moment: Moment): RichText {
  switch (moment.kind) {
    case 'at':
      // List a word once, even if it occurs with and without a space before it.
      return [`${moment.level} at `, ...joined([...new Map(moment.tokens.map((token) => [token.trim() || token, spelled(token)])).values()].map((token) => [token]), ' and ')];
    case 'from':
      return [`${moment.level} from `, spelled(moment.token), ' on'];
    case 'leans': {
      const { higher, lower } = moment;
      return joined([...(higher === null ? [] : [['somewhat higher at ', spelled(higher)]]), ...(lower === null ? [] : [['somewhat lower at ', spelled(lower)]])], ', ');
    }
  }
}

function difference(of: NodeContrast): RichText {
  return of.kind === 'tokens'
    ? ['higher in prompts with ', spelled(of.higher), ' than with ', spelled(of.lower)]
    : ['higher in prompts whose answer is ', spelled(of.text)];
}

/** A token for reading: white space as words, other tokens as code without leading spaces. */
function spelled(text: string): Span {
  return sayBlank(text) ?? (BLANK.test(text) ? text : { code: text.replace(/^ +/, '').replaceAll('\n', '⏎').replaceAll('\t', '⇥') });
}
