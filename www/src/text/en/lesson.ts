/** The texts of the tour and of present mode. They are loaded together with it, so they are not part of `en.ts`. */
import type { Contrast } from '../../domain/contrast';
import { capital, count, NBSP, percent, showToken, wholePercent } from '../format';
import type { RichText, Span } from '../rich-text';
import { CIRCUIT, counted } from './common';
import { contrast } from './prediction';

export type Question = 'other' | 'longer' | 'trap' | 'alone' | 'off' | 'flip';

/** What a question is made of. */
export interface Asked {
  task: string;
  /** Nodes of the circuit, and of the model. */
  circuit: number;
  model: number;
  /** The node that is switched off. */
  node: string;
  /** The nodes of Flip. */
  flips: string[];
  /** Where the counterfactual prompt differs. */
  sees: Contrast | null;
}

export interface Look {
  layer: number;
  head: number;
  /** Of the head's attention. */
  share: number;
  token: string;
}

/** What an answer is made of. */
export interface Answered extends Asked {
  candidates: [string, string];
  p: [number, number];
  winner: 0 | 1;
  level: boolean;
  right: 0 | 1 | null;
  /** The probabilities before the change, where the text and the mode are the same. */
  before: [number, number] | null;
  /** Those of the full model, where the circuit alone runs. */
  full: [number, number] | null;
  /** The head that looks most at the token where the two prompts differ, from the last token. */
  look: Look | null;
  /** Tokens of the text now, and of the text at the start. */
  tokens: number;
  startTokens: number;
  /** How often the circuit alone is right on test prompts. */
  accuracy: number | null;
}

const NODE: Span = { term: 'node', words: 'node' };
const COUNTERFACTUAL: Span = { term: 'counterfactual', words: 'counterfactual' };

/** The text that could mislead, by task: what it is, and why it does not count. */
const TRAPS: Record<string, { title: string; asks: string; why: string }> = {
  single_double_quote: {
    title: 'The other quote comes first. Which bar wins?',
    asks: 'Before the open string there is now another one, with the other kind of quote:',
    why: 'The first string is closed. Only the quote that is still open counts, and the model finds it.',
  },
  if_equals: {
    title: 'An if comes first. Which bar wins?',
    asks: 'The word if is now in an earlier line:',
    why: 'Only the last line counts, and it does not start with if. The model looks at the right line.',
  },
  bracket_counting: {
    title: 'A list of lists comes first. Which bar wins?',
    asks: 'The first line now has a list of lists:',
    why: 'The brackets of the first line are closed. Only those that are still open count.',
  },
  bracket_brace: {
    title: 'A list comes first. Which bar wins?',
    asks: 'The first line now has a list:',
    why: 'The list is closed. Only the bracket that is still open counts.',
  },
  set_or_string_fixedvarname: {
    title: 'Another variable is nearer. Which bar wins?',
    asks: 'Between the two lines about current there is now another variable, which holds something else:',
    why: 'The model keeps the two variables apart.',
  },
};

/** The more likely candidate. */
const winnerOf = (p: [number, number] | null): 0 | 1 | null => p && (p[1] > p[0] ? 1 : 0);

const lookedAt = ({ layer, head, share, token: at }: Look): RichText => [
  `The small chart in the drawing shows where layer ${layer}’s head ${head} looks from the last token: `, { strong: wholePercent(share) }, ' of its ', { term: 'attention', words: 'attention' }, ' is on ', token(at), '.',
];

const token = (text: string): { code: string } => ({ code: showToken(text) });

export const tour = {
  name: 'Tour',
  place: (step: number, of: number) => `Question ${step} of ${of}`,
  newText: 'New text',
  decide: 'What do you expect?',
  /** The three answers to each question. `level`: below this share the two count as almost level. */
  choices: (candidates: [string, string]): RichText[] => [[token(candidates[0]), ' wins'], [token(candidates[1]), ' wins'], [`almost level (neither reaches 60${NBSP}%)`]],
  said: 'You expected this.',
  saidOther: (choice: RichText): RichText => ['You expected: ', ...choice, '.'],
  show: 'Show the answer',
  next: 'Next question',
  toEnd: 'To the end',
  back: 'Back',
  leave: 'Leave the tour',
  finish: 'Finish',
  waiting: 'The model is running.',
  changed: 'You have changed something, so the numbers on the page are not those of this question.',
  again: 'Back to the question',

  title: (question: Question, { task, flips }: Asked): string => {
    switch (question) {
      case 'other':
        return 'Another text. Which bar wins?';
      case 'longer':
        return 'A longer text. Which bar wins?';
      case 'trap':
        return TRAPS[task]?.title ?? 'A harder text. Which bar wins?';
      case 'alone':
        return 'Only the circuit runs. Which bar wins?';
      case 'off':
        return 'One node is off. Which bar wins?';
      case 'flip':
        return flips.length === 1 ? 'One node is flipped. Which bar wins?' : `${flips.length} nodes are flipped. Which bar wins?`;
    }
  },
  asks: (question: Question, { task, circuit, model, node, flips, sees }: Asked): RichText => {
    switch (question) {
      case 'other':
        return ['Suppose that the model reads this text:'];
      case 'longer':
        return ['Suppose that the text is longer. The part that decides the answer is further back:'];
      case 'trap':
        return [TRAPS[task]?.asks ?? 'Suppose that the model reads this text:'];
      case 'alone':
        return [
          'The text is the first one again. Only the ', CIRCUIT, ` runs: its ${count(circuit)} nodes. Each of the other ${count(model - circuit)} is fixed at its `, { term: 'average', words: 'average' },
          ', so it tells nothing about this text.',
        ];
      case 'off':
        return ['The full model runs again, but one ', NODE, ' is off: ', { strong: node }, '. Off means: fixed at its ', { term: 'average', words: 'average' }, ', which is called ', { term: 'ablation', words: 'mean ablation' }, '. All other nodes run. The drawing then marks it with ', { strong: 'off' }, '.'];
      case 'flip':
        return [
          'Your text stays. ', { strong: capital(flips.length === 1 ? flips[0]! : counted(flips.length, 'node')) }, flips.length === 1 ? ' takes the value that it has' : ' take the values that they have', ' on the ', COUNTERFACTUAL, ' prompt',
          ...(sees ? [', which ', ...contrast.where(sees)] : []), `. Nothing else is changed by hand. The drawing then marks ${flips.length === 1 ? 'it' : 'them'} with `, { strong: 'B' }, '.',
        ];
    }
  },
  /** What happens, with its numbers. */
  happens: ({ candidates, p, winner, level, before, full }: Answered): RichText => {
    const name = token(candidates[winner]);
    const now: Span = { strong: percent(p[winner]) };
    // The modes scale their numbers differently: nothing rises or falls from one to the other.
    if (full !== null) {
      const both = !level && (full[1] > full[0] ? 1 : 0) === winner;
      return [
        ...(level ? [{ strong: 'Almost level' } as Span] : [{ ...name, strong: true }, { strong: both ? ' wins in both modes' : ' wins' }]),
        '. Circuit alone: ', ...(both ? [] : [name, ' ']), now, '. Full model: ', ...(both ? [] : [name, ' ']), { strong: percent(full[winner]) }, '.',
      ];
    }
    const was = winnerOf(before);
    const head: RichText = level ? [{ strong: 'Almost level' }, ': ', name, ' '] : [{ ...name, strong: true }, { strong: was === winner ? ' still wins' : ' wins' }, ': '];
    if (before === null) return [...head, now, '.'];
    const from = percent(before[winner]);
    if (from === percent(p[winner])) return [...head, level ? 'stays at ' : 'it stays at ', now, '.'];
    return [...head, `${level ? '' : 'it '}${p[winner] > before[winner] ? 'rises' : 'falls'} from `, { strong: from }, ' to ', now, '.'];
  },
  /** What it means. */
  means: (question: Question, { task, candidates, p, winner, level, right, before, full, look, tokens, startTokens, circuit, model, accuracy, flips }: Answered): RichText => {
    const rightOne: RichText = right === null ? [] : [token(candidates[right]), ' is right here. '];
    const was = winnerOf(before ?? full);
    const fails = right !== null && (winner !== right || level);
    switch (question) {
      case 'other':
        return fails
          ? [...rightOne, 'The model makes mistakes.']
          : ['This text needs the other answer. The model does not always say the same: it uses what it has read. The drawing has the nodes of the circuit only. In the full model other nodes add to them.'];
      case 'longer':
        return fails
          ? [...rightOne, 'The model loses track.']
          : [`The text has ${tokens} `, { term: 'token', words: 'tokens' }, `; the first one had ${startTokens}. `, ...(look ? lookedAt(look) : ['The model still finds the part that decides.'])];
      case 'trap':
        return fails ? [...rightOne, 'The model is misled.'] : [TRAPS[task]?.why ?? 'The model is not misled.'];
      case 'alone':
        return [
          'The circuit’s numbers are scaled differently, so compare only which bar wins. ',
          was === winner && !level ? `So ${count(circuit)} of ${count(model)} nodes can do it alone. Such a set of nodes is called a circuit.` : 'On this text the circuit alone is not enough: other nodes help the full model.',
          ...(accuracy === null ? [] : [' The circuit alone is right on ', { strong: wholePercent(accuracy) }, ' of test prompts.']),
        ];
      case 'off': {
        if (level) return ['Without this node the model can hardly tell the two apart. It does not turn to the other answer: Off takes information away and adds none.'];
        if (was !== winner) return ['Without this node the rest of the model leans to the other answer.'];
        const lost = before === null ? 0 : before[winner] - p[winner];
        return [lost < 0.05 ? 'Hardly anything changes: other nodes do the same work.' : 'The model is less sure. Other nodes still tell it a part of the answer.'];
      }
      case 'flip':
        return was !== winner && !level
          ? [`The text has not changed, and still the model expects the other answer. ${flips.length === 1 ? 'This one node carries' : `These ${counted(flips.length, 'node')} carry`} it. Flip back, and the first numbers return exactly.`]
          : ['Here the flip does not reverse the answer: other nodes still carry it.'];
    }
  },

  teacher: 'Worksheet and notes for teachers',
  endTitle: 'What the six questions show',
  end: ({ circuit, model, flips }: Pick<Asked, 'circuit' | 'model' | 'flips'>): RichText[] => [
    ['A ', { strong: 'circuit' }, ` is a small set of nodes that does one task alone, while every other node is fixed at its average. Here it has ${count(circuit)} of ${count(model)} nodes.`],
    [{ strong: 'Off' }, ' fixes a node at its average. It shows how much the answer needs this node.'],
    [{ strong: 'Flip' }, ` copies the value of ${flips.length === 1 ? 'one node' : counted(flips.length, 'node')} from a prompt with the other answer. The text stays. If the answer turns, this is where the model keeps it.`],
    ['A circuit is a claim about a model, and you can test it.'],
  ],
  /** The last line of `end` where a text can be typed. */
  own: 'Type a text of your own and try to find one on which the circuit and the full model disagree.',
};

export const present = {
  decide: 'Decide first. Then show the answer.',
  free: 'Press → for the first question.',
  own: 'Press Esc and type a text of your own. Is there one on which the circuit and the full model disagree?',
  keys: { show: 'show the answer', step: 'step', flip: 'flip', size: 'text size', leave: 'leave' },
  space: 'Space',
  escape: 'Esc',
  larger: 'Larger text',
  smaller: 'Smaller text',
};
