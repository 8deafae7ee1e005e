/** What an embedded circuit (`embed.html`) tells the page around it, by `postMessage`. A stable contract: other people's pages use it. */
import type { Mode } from '../engine/protocol';

export const SOURCE = 'sparse-circuit';

/** The answer on the screen. */
export interface Change {
  candidates: [string, string];
  /** The probabilities of the candidates. */
  p: [number, number];
  mode: Mode;
  flip: boolean;
  /** The whole state, as the hash of a link. */
  state: string;
}

export type EmbedMessage = { source: typeof SOURCE } & (
  /** The height of the content in CSS pixels. */
  | { type: 'height'; height: number }
  /** The first live numbers are on the screen. */
  | { type: 'ready' }
  /** The circuit cannot run. `message` is a sentence for the user. */
  | { type: 'failed'; message: string }
  | ({ type: 'change' } & Change)
);
