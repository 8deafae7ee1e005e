/** Opens a saved run: the page goes to its state as if a claim link had been entered. */
import { writeClaim } from '../../domain/claim';
import { messageOf } from '../../domain/errors';
import type { Playground } from '../../state/playground';
import { runFile as text } from '../../text/en/export';
import { MAX_BYTES, readRunFile } from './run-file';

export async function openRun(file: File, playground: Playground): Promise<void> {
  try {
    if (file.size > MAX_BYTES) throw new Error(text.large(MAX_BYTES));
    const json = await file.text().catch((error: unknown) => {
      throw new Error(text.unreadable(messageOf(error)));
    });
    const { state, claim } = readRunFile(json);
    // The first of two equal keys counts.
    location.hash = `#claim=${writeClaim(claim)}&${state.replace(/^#/, '')}`;
  } catch (error) {
    playground.notify({ kind: 'file', sentence: text.unusable(file.name, messageOf(error)) });
  }
}
