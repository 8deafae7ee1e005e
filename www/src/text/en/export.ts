/** Export: pictures and data files. It is loaded with the dialog. */
import { bytes, quoted } from '../format';

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
