/** What is odd about a prompt, in sentences; the page goes on with it. */
import type { Numbers } from '../../state/screen';
import type { ModelInfo } from '../../engine/protocol';
import { count } from '../../text/format';

export function notes(numbers: Numbers, model: ModelInfo | null): string[] {
  const { a, b } = numbers.shown;
  const result: string[] = [];
  if (numbers.doc.a === '') {
    result.push('The prompt is empty: these are the chances at the very start of a file. Type some Python to give the model something to read.');
  }
  if (a.cut > 0) {
    const most = model ? `${count(model.contextLength)} tokens` : 'so many tokens';
    result.push(`The model reads ${most} at most: the first ${count(a.cut)} of your prompt, in grey, were cut off.`);
  }
  if (b && b.cut > 0 && a.cut === 0) result.push(`Prompt B is too long: its first ${count(b.cut)} tokens were cut off.`);
  if (/[^\u0000-\u007F]/.test(numbers.doc.a)) {
    result.push('Letters and signs outside ASCII are read byte by byte, several tokens each. The model has seen few of them, so expect little.');
  }
  if (!b && (numbers.doc.edits.flip || numbers.doc.edits.patch.length > 0)) {
    result.push(`Flip and Patch rest: ${numbers.shown.reason ?? 'there is no prompt B to take values from.'}`);
  }
  return result;
}
