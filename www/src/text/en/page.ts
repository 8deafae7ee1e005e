/** The texts of the page around its features: header, footer, About, links. */
import type { BackendName, CircuitInfo, ModelInfo } from '../../engine/protocol';
import { bytes, capital, count, milliseconds, NBSP, plain, wholePercent } from '../format';
import type { RichText } from '../rich-text';

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
  tour: 'Tour: 6 questions',
  present: 'Present: full screen, for a projector',
  circuit: 'Circuit',
  reload: 'Load the page again',
  codeLoading: 'Loading…',
  codeLost: (error: string) => `This part of the page could not be loaded (${error}). Check the connection and load the page again.`,
};

/** How a circuit's logits become a probability. */
function calibration({ scale, shift, std }: Pick<CircuitInfo, 'scale' | 'shift' | 'std'>): string {
  return `sigmoid(${plain(scale)} × logit difference ÷ ${plain(std)} ${shift < 0 ? '−' : '+'} ${plain(Math.abs(shift))})`;
}

export const footer = {
  loading: 'Loading the model',
  undo: 'Undo',
  reset: 'Reset',
  share: 'Share',
  export: 'Export',
  notOpened: 'Could not open; the link is in the address bar',
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

/** The embedded circuit. */
export const embed = {
  nodes: (circuit: number, model: number) => `${count(circuit)} of ${count(model)} nodes`,
  open: 'Open in the full page',
};

/** What the task is, what the circuit was measured to do, and how to read the graph. */
export const about = {
  label: 'About',
  teachers: 'For teachers: a lesson, links and a worksheet',
  size: (circuit: CircuitInfo) => `The circuit has ${count(circuit.nodes.length)} nodes and ${count(circuit.edges.length)} edges.`,
  calibration: (circuit: CircuitInfo) =>
    `Fixing all other nodes at their averages shifts the logits and makes their difference smaller. So “Circuit only” has a calibration: the probability of the first candidate is ${calibration(circuit)}. In the other modes it is sigmoid(logit difference).`,
  accuracy: (full: number, circuit: number, removed: number) =>
    `Accuracy on test pairs: full model ${wholePercent(full)}, circuit alone ${wholePercent(circuit)}, model without the circuit ${wholePercent(removed)} (random guess: 50${NBSP}%).`,
  otherWays: 'So other nodes of the model can also find the answer: this circuit is sufficient, but not necessary.',
  model: (model: ModelInfo) =>
    `The model: ${model.layers} layers, ${count(model.width)} channels, ${count(model.nonzeros)} nonzero weights. It was trained on Python code and runs here, in your browser.`,
  paper: 'The method is that of Leo Gao and others, “Weight-sparse transformers have interpretable circuits”, arXiv 2511.13653, 2025.',
  oneFile: 'This page is one file. It works without network.',
  howToRead: 'How to read the drawing',
  reading: {
    lines: ['A horizontal line is one channel of the residual stream. A square is a ', { term: 'read', words: 'read' }, ' or a ', { term: 'write', words: 'write' }, ' of it. A circle is a neuron, or a channel of a ', { term: 'qkv', words: 'query, key or value' }, '.'],
    fill: ['The fill goes up for a positive value and down, hatched, for a negative one. Its height is the square root of the value, so that small values are visible. Heavy outlines mark the nodes of Flip. A solid line is an edge with a positive weight; a dashed line with a minus is one with a negative weight.'],
    heads: ['The small chart shows the attention of a head from the last token (hollow bar: the sink). × marks where attention multiplies a value.'],
  } satisfies Record<string, RichText>,
};

/** What the browser keeps for use without network. */
export const offline = {
  kept: (kept: { kind: 'insecure' | 'unavailable' | 'removed' | 'storing' | 'failed' } | { kind: 'kept'; bytes: number }): string => {
    switch (kept.kind) {
      case 'insecure':
        return 'This address is plain http. There the page cannot use WebGPU, cannot be stored for use without network and cannot copy to the clipboard. Everything else works.';
      case 'unavailable':
        return 'This address cannot store the page for use without network. That needs https and a window of its own.';
      case 'removed':
        return 'The page is not stored in this browser.';
      case 'storing':
        return 'The page is being stored in this browser for use without network.';
      case 'failed':
        return 'The page could not be stored in this browser. The next visit tries again.';
      case 'kept':
        return `The page works without network: ${bytes(kept.bytes)} are stored in this browser.`;
    }
  },
  remove: 'Remove',
  store: 'Store for use without network',
  updated: 'A new version is ready.',
  reload: 'Reload',
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
