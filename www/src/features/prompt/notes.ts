/** What is odd about the prompts that the numbers belong to. */
import type { Notice } from '../../domain/notices';
import type { ModelInfo } from '../../engine/protocol';
import type { Snapshot } from '../../state/screen';
import { tokenName } from '../../text/names';

export function notes(snapshot: Snapshot, model: ModelInfo | null): Notice[] {
  const { a, b, reason } = snapshot.result;
  const { edits, a: typed } = snapshot.doc;
  const result: Notice[] = [];
  if (typed === '') result.push({ kind: 'prompt-empty' });
  if (a.cut > 0) result.push({ kind: 'prompt-cut', tokens: a.cut, context: model?.contextLength ?? null });
  if (b && b.cut > 0 && a.cut === 0) result.push({ kind: 'prompt-b-cut', tokens: b.cut });
  if (/[^\u0000-\u007F]/.test(typed)) {
    const part = a.tokens.findIndex((token) => token.text.includes('\uFFFD'));
    result.push({ kind: 'prompt-not-ascii', part: part < 0 ? null : tokenName(a, part) });
  }
  if (!b && (edits.flip || edits.patch.length > 0)) result.push({ kind: 'flip-unavailable', reason });
  return result;
}
