/** The texts of the prompts, and the notices about a prompt or a link. */
import type { Notice } from '../../domain/notices';
import { count, lowerFirst, quoted } from '../format';
import type { Span } from '../rich-text';

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
  /** An example at which the circuit alone is wrong. */
  fails: (name: string) => `${name} (circuit alone fails)`,
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
    case 'link-flag':
      return `${of.key}=${quoted(of.value)} in the link must be 0 or 1; it was ignored.`;
    case 'link-node':
      return `The link opens the node ${quoted(of.value)}, which this model does not have.`;
    case 'link-token':
      return `The link selects the token ${quoted(of.value)}, which is not a number.`;
    case 'link-backend':
      return `The link has the unknown backend ${quoted(of.value)}; the backends are cpu and webgpu.`;
    case 'link-steer':
      return `steer=${quoted(of.value)} in the link must be a number from 0 to 1; it was ignored.`;
    case 'link-channel':
      return `The link steers along ${quoted(of.value)}, which is not a read (act_in channel) of this model.`;
    case 'link-switch':
      return `switch=${quoted(of.value)} in the link is not a boundary between the blocks of this model; it was ignored.`;
    case 'link-claim':
      return `claim=${quoted(of.value)} in the link must be two probabilities, P:P; it was ignored.`;
    case 'link-tour':
      return `tour=${quoted(of.value)} in the link is not a step of the tour; it was ignored.`;
    case 'link-encoding':
      return `Part of this link (${quoted(of.key)}) is damaged and was ignored.`;
    case 'link-nodes': {
      const more = of.more > 0 ? ` and ${of.more} more` : '';
      const form = of.limit === null ? 'NODE' : `NODE:NUMBER with a number up to ${of.limit}`;
      return `${of.key}= in the link has ${quoted(of.value)}${more}: not a node of this model, or not written as ${form}. Ignored.`;
    }
    case 'link-edges': {
      const more = of.more > 0 ? ` and ${of.more} more` : '';
      return `${of.key}= in the link has ${quoted(of.value)}${more}: not an edge of this model that can be switched off, or not written as FROM:TO. Ignored.`;
    }
    case 'twin-lost':
      return `The dense twin cannot be opened: ${of.error}`;
    case 'twin-missing':
      return 'The link opens the dense twin, which is not part of this page. Changes of its nodes are left out.';
    case 'twin-task':
      return `The dense twin was not trained for the task ${quoted(of.task)}. The task is open, the twin is closed.`;
    case 'task-lost':
      return `The task ${quoted(of.task)} cannot be opened: ${of.error}`;
    case 'file':
      return of.sentence;
    case 'prompt-empty':
      return 'The prompt is empty. These are the probabilities at the start of a file. Type some Python.';
    case 'prompt-cut': {
      const max = of.context === null ? 'a limited number of tokens' : `${count(of.context)} tokens`;
      return `The model reads at most ${max}. The first ${count(of.tokens)} tokens of your prompt, in grey, were cut off.`;
    }
    case 'prompt-b-cut':
      return `The counterfactual prompt is too long: its first ${count(of.tokens)} tokens were cut off.`;
    case 'prompt-not-ascii':
      return `Characters outside ASCII are split into bytes, several tokens each${of.part === null ? '' : `, such as ${of.part}`}. The model has rarely seen them, so do not trust its answer.`;
    case 'flip-unavailable':
      return `Flip and Patch are unavailable: ${lowerFirst(of.reason ?? 'there is no counterfactual prompt.')}`;
  }
}
