/** Export: pictures and data files. It is loaded with the dialog. */
import { bytes, plain, quoted } from '../format';

export const runFile = {
  notJson: 'It is not a JSON file.',
  otherFormat: 'It is not a run that this page has saved.',
  otherVersion: (version: number) => `It was saved by another version of the page. This one reads version ${version}.`,
  noState: 'It does not say what to open.',
  noProbabilities: 'The probabilities of its two candidates are missing.',
  large: (max: number) => `It has more than ${bytes(max)}.`,
  unreadable: (error: string) => `The browser cannot read it (${error}).`,
  /** `why`: one of the sentences above. */
  unusable: (name: string, why: string) => `The file ${quoted(name)} cannot be opened. ${why}`,
};

export const exporting = {
  title: 'Export',
  close: 'Close',
  theme: 'Colours of the picture',
  themes: { light: 'Light', dark: 'Dark' },
  preview: 'Preview of the picture',
  kinds: { svg: 'Save SVG', png: 'Save PNG, 2×', json: 'Save run, JSON', csv: 'Save run, CSV' },
  saved: (name: string) => `Saved as ${name}.`,
  failed: (name: string, error: string) => `${name} could not be saved: ${error}`,
  open: 'Open a saved run (JSON).',
  drop: 'You can also drop the file on the page.',
};

/** The picture. */
export const figure = {
  prompt: 'Prompt',
  flipped: 'Flip',
  off: (node: string) => `${node} off`,
  set: (node: string, value: number) => `${node} set to ${plain(value)}`,
  scaled: (node: string, factor: number) => `${node} scaled by ${plain(factor)}`,
  patched: (node: string) => `${node} patched`,
  edgesOff: (edges: number) => `${edges} edge${edges === 1 ? '' : 's'} off`,
  changed: (changes: string[]) => `Changed: ${changes.join(', ')}.`,
  source: (version: string, file: string, fingerprint: string | null, task: string) => `Sparse circuits ${version}. Model ${file}${fingerprint === null ? '' : ` (${fingerprint})`}, task ${task}.`,
  state: (hash: string) => `State of the page: ${hash}`,
};
