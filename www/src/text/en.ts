/**
 * Every text of the page in English, by feature: labels, sentences and texts for screen readers. Components have no texts of
 * their own. An entry is a constant or a function. A sentence with bold or code parts is `RichText`.
 */
import type { Contrast } from '../domain/contrast';
import type { Notice } from '../domain/notices';
import type {
  BackendName, BackendState, Behaviour, CircuitInfo, FailureKind, Level, Mode, ModelInfo, Reason, Moment, NodeContrast, NodeInfo, Mixed, SiteName, TermSource, ValueNote,
} from '../engine/protocol';
import { bytes, capital, count, decimalsFor, factor, lowerFirst, milliseconds, NBSP, percent, percentDigits, plain, quoted, sayToken, showToken, signed, wholePercent } from './format';
import { linked, type RichText, type Span } from './rich-text';

const NUMBERS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** `one node`, `three nodes`, `12 nodes`. */
function counted(number: number, noun: string): string {
  return `${NUMBERS[number] ?? number} ${noun}${noun === '' || number === 1 ? '' : 's'}`;
}

/** `attention` or `MLP`, for a site. */
function blockName(site: string): string {
  return site.startsWith('attn') ? 'attention' : 'MLP';
}

/** Words of the glossary. */
export const term = { means: ': ' };

export const page = {
  subject: 'A small model, and the few nodes that decide.',
  /** After the headline. `able`: whether the circuit alone is reliable. */
  circuitOf: (circuit: number, model: number, able: boolean): RichText => [
    `${count(circuit)} of ${count(model)} `, { term: 'node', words: 'nodes' }, able ? ' can do it alone.' : ' try it alone.',
  ],
  task: 'Task',
  theme: 'Light or dark',
  fullScreen: 'Full screen',
  circuit: 'Circuit',
  reload: 'Load the page again',
};

/** Why a file of the models folder cannot be used. */
export const files = {
  lost: (url: string, status: number | null) =>
    `${url} could not be loaded (${status === null ? 'no connection' : `status ${status}`}). Check the connection and load the page again.`,
  unusable: (file: string, error: string) => `${file} cannot be used: ${error}`,
  notJson: (url: string) => `${url} is not valid JSON: the models folder is incomplete or missing.`,
};

/** Why a file cannot be downloaded. */
export const download = {
  badSize: (name: string, bytes: number, max: number) => `${name} cannot be loaded: its size of ${bytes} bytes is not a whole number from 1 to ${max}.`,
  status: (name: string, status: number) => `${name} could not be loaded: the server answered with status ${status}.`,
  otherSize: (name: string, announced: number, bytes: number) => `${name} has ${announced} bytes instead of the ${bytes} bytes in the manifest: it is damaged or another file.`,
  tooLong: (name: string, bytes: number) => `${name} has more than the ${bytes} bytes in the manifest: it is damaged or another file.`,
  stopped: (name: string, at: number, bytes: number) => `The download of ${name} stopped after ${at} of ${bytes} bytes. Check the connection and load the page again.`,
  tooShort: (name: string, at: number, bytes: number) => `${name} ends after ${at} of ${bytes} bytes: it is damaged. Load the page again, or replace the file.`,
  noConnection: (name: string) => `${name} could not be loaded: no connection. Check the connection and load the page again.`,
  noMemory: (name: string, bytes: number) => `${name} needs ${bytes} bytes of memory, which this browser does not give. Close other tabs and load the page again.`,
};

/** What is wrong with the manifest or its placeholder. */
export const manifest = {
  version: (version: string) => `models/manifest.json has version ${version}. This page reads version 1.`,
  noModel: 'models/manifest.json lists no model.',
  wrong: (where: string, wanted: string) => `models/manifest.json or its poster.json is wrong: ${where} must be ${wanted}. Publish the models folder again.`,
  wanted: {
    object: 'an object',
    list: 'a list',
    text: 'a text',
    number: 'a number',
    integer: (min: number, max: number) => `a whole number from ${min} to ${max}`,
    pair: 'two numbers',
    texts: 'two texts',
    task: 'at least one task',
    preset: 'at least one preset',
    token: 'at least one token',
    file: 'a file name relative to models/',
    total: (bytes: number) => `at most ${bytes} bytes in all`,
    numbers: (count: number) => `${count} numbers`,
  },
};

/** The most characters of an error on one line. */
const LINE = 120;

/** The engine's backend with the reason, and its failures. */
export const engine = {
  /** Why the model runs on this backend. */
  why: ({ name, reason }: BackendState): string => {
    switch (reason.kind) {
      case 'first':
        return '';
      case 'chosen':
        return 'Selected manually.';
      case 'measured': {
        const { cpu, webgpu, software } = reason;
        const there = software ? 'on WebGPU (a software adapter)' : 'on WebGPU';
        return name === 'cpu'
          ? `A forward pass takes ${milliseconds(cpu)} here and ${milliseconds(webgpu)} ${there}.`
          : `A forward pass takes ${milliseconds(webgpu)} here and ${milliseconds(cpu)} on the CPU.`;
      }
      case 'absent':
        return 'This browser has no WebGPU.';
      case 'no adapter':
        return 'No GPU is available to WebGPU.';
      case 'failed':
        return `WebGPU failed, so the CPU is used: ${first(reason.error)}`;
    }
  },
  /** The footer's line after a restart. */
  restarted: (cause: string) => `The engine failed${because(cause)} and was restarted.`,
  /** Why a call to the engine has no answer. */
  failure: (kind: FailureKind, cause: string): string => {
    switch (kind) {
      case 'not started':
        return `The engine did not start${because(cause)}. Load the page again. If this happens again, this browser may lack WebAssembly SIMD, or the server sends .js files with a type other than text/javascript.`;
      case 'failed':
        return `The engine failed twice with this input${because(cause)}. Change the input to continue.`;
      case 'stopped':
        return `The engine failed three times in a row${because(cause)}. Load the page again to continue.`;
    }
  },
  noWasm: (error: string) => `This browser cannot run the engine, which needs WebAssembly with SIMD (${error}). Use a recent browser.`,
  tokenizerLost: (error: string) => `The tokenizer could not be loaded, so only the examples can run (${error}). Check the connection and type again.`,
  noTask: (file: string, task: string) => `${file} has no task ${task}.`,
  notLoaded: 'The model is not loaded yet.',
  noCounterfactual: 'The counterfactual prompt is empty, so there is nothing to take values from.',
  /** Why the task's rule makes no counterfactual prompt. */
  noRule: (reason: Reason): string => {
    switch (reason.kind) {
      case 'noString':
        return 'No string is open at the end of the prompt, so there is no quote to flip. Type an opening quote.';
      case 'tripleQuotes':
        return 'The open string has triple quotes. Neither of the two closes it.';
      case 'holdsQuote':
        return `The open string contains a ${reason.quote}, which would end it early after the flip.`;
      case 'noList':
        return 'No list is open at the end of the prompt, so there is no depth to flip. Type an opening bracket.';
      case 'noBracket':
        return 'No brace or square bracket is open at the end of the prompt, so there is nothing to flip. Type {" or [" and a word.';
      case 'inString':
        return 'A string is open at the end of the prompt, so no list can end there.';
      case 'inComment':
        return 'The prompt ends in a comment, where this task does not apply.';
      case 'notName':
        return 'The last line must be just a name, such as count, or if and a name.';
      case 'notVariable':
        return "The last line must be just a variable's name, such as current.";
      case 'noValue':
        return `The prompt must first set ${reason.variable} to set() or to "", so that there is something to flip.`;
      case 'notPython':
        return 'After the flip this prompt would not be valid Python.';
      case 'otherNotRight':
        return 'This prompt cannot be flipped: the other answer would not be right after the change.';
      case 'cut':
        return 'The model reads only the end of this prompt, and what decides the answer comes before it.';
    }
  },
  noManifest: 'The manifest is not loaded yet.',
};

function because(cause: string): string {
  const line = cause.trim().split('\n')[0]!;
  return line === '' ? '' : ` (${line.length > LINE ? `${line.slice(0, LINE)}…` : line})`;
}

/** The first line, cut where it is long, with a full stop. */
function first(error: string): string {
  const line = error.trim().split('\n')[0]!.replace(/^the compute device failed: /, '');
  return line.length > LINE ? `${line.slice(0, LINE)}…` : line.replace(/\.?$/, '.');
}

export const prompts = {
  label: 'Prompts',
  a: 'Your prompt',
  /** The word after the number. */
  tokensOf: (number: number): Span => ({ term: 'token', words: number === 1 ? 'token' : 'tokens' }),
  b: 'Counterfactual',
  bNone: 'none: there is nothing to change',
  bLabel: 'Counterfactual prompt (prompt B). Flip and Patch take values from it.',
  restore: 'Restore',
  restoreHint: "Restore the counterfactual prompt that the task's rule makes",
  examples: 'Examples',
};

/** Notices about a link or a prompt. */
export function notice(of: Notice): string {
  switch (of.kind) {
    case 'link-long':
      return 'The link is too long. The page opens with its defaults.';
    case 'link-version':
      return `The link has version ${quoted(of.value)}, but this page reads version 1. The page opens with its defaults.`;
    case 'link-task':
      return `The link names the task ${quoted(of.value)}, which the open model does not have; its first task is shown.`;
    case 'link-cut':
      return `Prompt ${of.prompt.toUpperCase()} of the link was cut at ${of.characters} characters.`;
    case 'link-mode':
      return `The link has the unknown mode ${quoted(of.value)}; the modes are full, circuit and removed. The full model is shown.`;
    case 'link-flip':
      return `flip=${quoted(of.value)} in the link must be 0 or 1; it was ignored.`;
    case 'link-node':
      return `The link opens the node ${quoted(of.value)}, which this model does not have.`;
    case 'link-token':
      return `The link selects the token ${quoted(of.value)}, which is not a number.`;
    case 'link-backend':
      return `The link has the unknown backend ${quoted(of.value)}; the backends are cpu and webgpu.`;
    case 'link-twin':
      return `twin=${quoted(of.value)} in the link must be 0 or 1; the dense twin stays closed.`;
    case 'link-steer':
      return `steer=${quoted(of.value)} in the link must be a number from 0 to 1; it was ignored.`;
    case 'link-channel':
      return `The link steers along ${quoted(of.value)}, which is not a read (act_in channel) of this model.`;
    case 'link-encoding':
      return `Part of this link (${quoted(of.key)}) is damaged and was ignored.`;
    case 'link-nodes': {
      const more = of.more > 0 ? ` and ${of.more} more` : '';
      const form = of.limit === null ? 'NODE' : `NODE:NUMBER with a number up to ${of.limit}`;
      return `${of.key}= in the link has ${quoted(of.value)}${more}: not a node of this model, or not written as ${form}. Ignored.`;
    }
    case 'twin-lost':
      return `The dense twin cannot be opened: ${of.error}`;
    case 'task-lost':
      return `The task ${quoted(of.task)} cannot be opened: ${of.error}`;
    case 'prompt-empty':
      return 'The prompt is empty. These are the probabilities at the start of a file. Type some Python.';
    case 'prompt-cut': {
      const max = of.context === null ? 'a limited number of tokens' : `${count(of.context)} tokens`;
      return `The model reads at most ${max}. The first ${count(of.tokens)} tokens of your prompt, in grey, were cut off.`;
    }
    case 'prompt-b-cut':
      return `The counterfactual prompt is too long: its first ${count(of.tokens)} tokens were cut off.`;
    case 'prompt-not-ascii':
      return 'Characters outside ASCII are split into bytes, several tokens each. The model has rarely seen them, so do not trust its answer.';
    case 'flip-unavailable':
      return `Flip and Patch are unavailable: ${lowerFirst(of.reason ?? 'there is no counterfactual prompt.')}`;
  }
}

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
    { strong: 'Control' }, `: with values from ${donors === 1 ? 'another prompt' : counted(donors, 'other prompt')} with the same answer, `, { code: showToken(candidate) },
    kind === 'keeps' ? ' stays at ' : ' goes to ', { strong: range(min, max) }, kind === 'reverses' ? ': these nodes carry more than the answer.' : '.',
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

const CIRCUIT: Span = { term: 'circuit', words: 'circuit' };

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
  level: ({ candidates, p, winner }: Told): RichText => ['The two are almost level: ', { code: showToken(candidates[winner]) }, ' ', { strong: percent(p[winner]) }, '. '],
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
  /** How far the circuit moves a candidate from the baseline. */
  pushes: (candidate: string, from: number, to: number): RichText => {
    const numbers: RichText = [{ code: showToken(candidate) }, `: from ${percent(from)} at the `, { term: 'baseline', words: 'baseline' }, ` to ${percent(to)}.`];
    return to > from ? ['The circuit does push towards ', ...numbers, ' That is not far enough.'] : ['The circuit pushes away from ', ...numbers];
  },
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
  nodesChanged: (nodes: number, flip: boolean): RichText => [
    ...(nodes > 0 ? [{ strong: capital(counted(nodes, 'node')) }, ` ${nodes === 1 ? 'is' : 'are'} changed`, flip ? ', and Flip is on. ' : '. '] : []),
  ],
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
    circuit: ['Only the ', CIRCUIT, ' runs. Everything else is fixed at its ', { term: 'average', words: 'average' }, '.'],
    removed: ['The ', CIRCUIT, ' is fixed at its ', { term: 'average', words: 'average' }, '; everything else runs.'],
  } satisfies Record<Exclude<Mode, 'full'>, RichText>,
  view: 'View',
  views: { graph: 'Graph', list: 'List' },
  inactive: (nodes: number) => `${nodes} nodes are inactive on this task's example`,
  fold: (nodes: number) => `Hide ${nodes} inactive`,
  unfold: (nodes: number) => `${nodes} more`,
};

/** How a circuit's logits become a probability. */
function calibration({ scale, shift, std }: Pick<CircuitInfo, 'scale' | 'shift' | 'std'>): string {
  return `sigmoid(${plain(scale)} × logit difference ÷ ${plain(std)} ${shift < 0 ? '−' : '+'} ${plain(Math.abs(shift))})`;
}

/** Names of nodes and of their places. */
export const nodes = {
  kinds: {
    'attn.act_in': 'read', 'attn.q': 'query', 'attn.k': 'key', 'attn.v': 'value', 'attn.resid_delta': 'write',
    'mlp.act_in': 'read', 'mlp.post_act': 'neuron', 'mlp.resid_delta': 'write',
  } satisfies Record<SiteName, string>,
  /** Short names: a channel of the residual stream, a channel of a head, a neuron. */
  ofHead: (kind: string, head: number, channel: number) => `${kind}${NBSP}${head}.${channel}`,
  plain: (kind: string, index: number) => `${kind}${NBSP}${index}`,
  /** The same with the layer, and with the block where a layer has two nodes of that name. */
  placed: (layer: number, block: string | null, name: string) => `L${layer}${NBSP}${block === null ? '' : `${block}${NBSP}`}${name}`,
  mlp: 'MLP',
  /** Long ones. */
  read: (channel: number) => `read of channel ${channel}`,
  write: (channel: number) => `write to channel ${channel}`,
  inLayer: (layer: number, name: string) => `layer ${layer}'s ${name}`,
  /** Places. */
  inStream: (layer: number, site: string) => `residual stream, layer ${layer} ${blockName(site)}`,
  channelOfHead: (kind: string, channel: number, head: number, layer: number, site: string) =>
    `${kind} channel ${channel} of head ${head}, layer ${layer} ${blockName(site)}`,
  inBlock: (kind: string, layer: number, site: string) => `${kind}, layer ${layer} ${blockName(site)}`,
};

/** The disc on a changed node. */
export const badges = {
  off: 'off: fixed at its average',
  set: (value: number) => `set to ${value}`,
  scaled: (factor: number) => `scaled by ${factor}`,
  patched: 'value from the counterfactual prompt',
};

export const graph = {
  label: (nodes: number, edges: number) =>
    `Circuit of ${nodes} nodes and ${edges} edges. Arrow keys go from node to node, Enter opens one. The list has the same content.`,
  channel: (channel: number) => `ch ${channel}`,
  channelHint: (channel: number) => `residual channel ${channel}`,
  layer: (layer: number) => `Layer ${layer}`,
  layerShort: (layer: number) => `L${layer}`,
  mlp: 'MLP',
  attentionShort: 'attn',
  attention: 'attention',
  attentionHead: (head: number) => `attention, head ${head}`,
  embedding: 'Embedding',
  logits: 'Logits',
  token: (token: number, last: boolean) => `token ${token + 1}${last ? ', last' : ''}`,
  apart: (score: number) => `${signed(Math.abs(score)).slice(1)} apart`,
  openEnd: (words: string) => `${words}: show what it is made of`,
  openScore: (score: number) => `Score ${signed(score)}: show how the bar comes about`,
  openHead: (layer: number, head: number) => `Layer ${layer}, head ${head}: show the whole attention pattern`,
  /** Under the drawing: the tokens at which nodes are read. */
  readAt: (tokens: number[]) => `at token${tokens.length === 1 ? '' : 's'} ${tokens.map((token) => token + 1).join(' and ')}`,
  readAtShort: (tokens: number[]) => tokens.map((token) => token + 1).join(', '),
  isLast: ', the last',
  weight: (weight: number) => `weight ${signed(weight)}`,
  edge: (from: string, to: string) => `${from} → ${to}`,
  product: (weight: number, value: number) => `${factor(weight)} × ${factor(value)} = ${signed(weight * value, decimalsFor([weight * value]))}`,
  node: (name: string, node: string, value: number, token: number, badge: string | null) =>
    `${name}, ${node}, ${signed(value)} at token ${token + 1}${badge === null ? '' : `, ${badge}`}`,
  nodeHint: (name: string, doing: string, node: string) => `${name}${doing ? `: ${doing}` : ''}, ${node}`,
  group: (nodes: number, hook: string, active: number) =>
    `${nodes} more nodes of ${hook}, ${active === 0 ? 'inactive here' : `${active} of them active here`}: show them`,
  more: (nodes: number) => `+${nodes}`,
  head: (head: number, tokens: { token: string; weight: number }[], sink: number | null) =>
    [
      `Head ${head}: attention from the last token`,
      tokens.map(({ token, weight }) => `${showToken(token)} ${(100 * weight).toFixed(1)} %`).join('\n'),
      ...(sink === null ? [] : [`sink (no token) ${(100 * sink).toFixed(1)} %`]),
    ].join('\n'),
  /** Followed by the token. */
  peak: (weight: number) => `${wholePercent(weight)} on `,
};

/** Under the drawing in circuit mode: how often the circuit alone is right. */
export const reliability = {
  test: (circuit: number, full: number): RichText => ['The circuit alone is right on ', { strong: wholePercent(circuit) }, ` of test prompts (full model: ${wholePercent(full)}).`],
  both: (circuit: number, full: number, written: { circuit: number; full: number }): RichText => [
    'The circuit alone is right on ', { strong: wholePercent(circuit) }, ' of test prompts and on ', { strong: wholePercent(written.circuit) },
    ` of hand-written ones (full model: ${wholePercent(full)} and ${wholePercent(written.full)}).`,
  ],
};

export const legend = {
  positive: 'positive weight',
  negative: 'negative weight',
  noSignal: 'no signal',
  under: (threshold: number) => (threshold > 0 ? `(under ${plain(threshold, threshold < 0.01 ? 3 : 2)})` : ''),
  width: 'width: |weight|',
  above: 'value > 0',
  below: 'value < 0',
  patched: 'from the counterfactual',
  off: 'off',
  set: 'set',
  scaled: 'scaled',
  before: 'before',
};

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
  title: (layer: number, head: number) => `Attention head ${head} in layer ${layer}`,
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

/** The token at which the drawing is read. */
export const stepper = {
  label: 'Token at which the drawing is read',
  token: 'token',
  of: (tokens: number) => `of ${tokens}`,
  previous: 'Previous token',
  next: 'Next token',
  last: 'Last',
  reset: 'Default',
  resetHint: 'Show each node at the token where it matters',
};

export const list = {
  label: 'Nodes of the circuit by layer',
  layer: (layer: number) => `Layer ${layer}`,
  to: (name: string) => `to ${name}`,
  at: 'at',
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

const AVERAGE: Span = { term: 'average', words: 'average' };
const COUNTERFACTUAL: Span = { term: 'counterfactual', words: 'counterfactual prompt' };

/** Off, Set, Scale and Patch, and what they do to the node. */
export const change = {
  label: 'Change this node',
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
  off: (mean: number | null, computed: number): RichText => ['Fixed at its ', AVERAGE, ` over ordinary code, ${change.mean(mean)}, at every token. Computed: ${signed(computed)}.`],
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
  /** What is multiplied. `scaled`: some values pass a norm; `mixed`: some are mixed by attention. */
  inHint: (scaled: boolean, mixed: boolean): RichText => [
    'weight × ', ...(scaled ? [{ term: 'normScale', words: 'norm scale' } as Span, ' × '] : []), 'value', ...(mixed ? [', mixed by ', { term: 'attention', words: 'attention' } as Span] : []),
  ],
  /** Over rows of nodes: inside or outside of the circuit, and whether the mode fixes them. */
  group: (inside: boolean, fixed: boolean): RichText => [
    inside ? 'in the ' : 'outside the ', CIRCUIT, ...(fixed ? [', nodes fixed at their ', AVERAGE] : []),
  ],
  rounding: 'rounding',
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

export const footer = {
  loading: 'Loading the model',
  undo: 'Undo',
  reset: 'Reset',
  share: 'Share',
  copied: 'Link copied',
  notCopied: 'Could not copy; the link is in the address bar',
  /** Followed by the name of the backend. */
  runsOn: 'Runs on',
  time: (ms: number) => `, ${milliseconds(ms)}`,
  use: (backend: BackendName) => `Use ${backend}`,
  state: {
    loading: (progress: { loaded: number; total: number } | null, placeholder: boolean) => {
      const rest = progress ? `loading the model, ${bytes(progress.loaded)} of ${bytes(progress.total)}` : 'loading the model';
      return placeholder ? `Showing saved numbers; ${rest}` : capital(rest);
    },
    error: 'Not running',
    busy: (loaded: number | null) => `Working${loaded === null ? '' : `, ${bytes(loaded)} loaded`}`,
    ready: (loaded: number | null) => `Ready${loaded === null ? '' : `, ${bytes(loaded)} loaded`}`,
  },
};

/** What the task is, what the circuit was measured to do, and how to read the graph. */
export const about = {
  label: 'About',
  size: (circuit: CircuitInfo) => `The circuit has ${count(circuit.nodes.length)} nodes and ${count(circuit.edges.length)} edges.`,
  calibration: (circuit: CircuitInfo) =>
    `Fixing all other nodes at their averages shifts the logits and makes their difference smaller. So “Circuit only” has a calibration: the probability of the first candidate is ${calibration(circuit)}. In the other modes it is sigmoid(logit difference).`,
  accuracy: (full: number, circuit: number, removed: number) =>
    `Accuracy on test pairs: full model ${wholePercent(full)}, circuit alone ${wholePercent(circuit)}, model without the circuit ${wholePercent(removed)} (random guess: 50${NBSP}%).`,
  otherWays: 'So other nodes of the model can also find the answer: this circuit is sufficient, but not necessary.',
  model: (model: ModelInfo) =>
    `The model: ${model.layers} layers, ${count(model.width)} channels, ${count(model.nonzeros)} nonzero weights. It was trained on Python code and runs here, in your browser.`,
  paper: 'The method is that of Leo Gao and others, “Weight-sparse transformers have interpretable circuits”, arXiv 2511.13653, 2025.',
  howToRead: 'How to read the drawing',
  reading: {
    lines: ['A horizontal line is one channel of the residual stream. A square is a ', { term: 'read', words: 'read' }, ' or a ', { term: 'write', words: 'write' }, ' of it. A circle is a neuron, or a channel of a ', { term: 'qkv', words: 'query, key or value' }, '.'],
    fill: ['The fill goes up for a positive value and down, hatched, for a negative one. Its height is the square root of the value, so that small values are visible. Heavy outlines mark the nodes of Flip. A solid line is an edge with a positive weight; a dashed line with a minus is one with a negative weight.'],
    heads: ['The small chart shows the attention of a head from the last token (hollow bar: the sink). × marks where attention multiplies a value.'],
  } satisfies Record<string, RichText>,
};

/** Links in the footer and in About. */
export const links = {
  label: 'Links',
  source: 'Source',
  paper: 'Paper',
  card: 'Model card',
  docs: 'Docs',
  version: (version: string) => `v${version}, Apache-2.0`,
};

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
  codeLoading: 'Loading the dense twin',
  codeLost: (error: string) => `The dense twin could not be loaded (${error}). Check the connection and load the page again.`,
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
