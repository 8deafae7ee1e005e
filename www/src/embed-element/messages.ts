/** Checks what arrives at the page around a frame: any frame or window may send anything. */
import type { Change, EmbedMessage } from '../domain/embed-messages';
import { MAX_HEIGHT } from './attributes';

/** What identifies the sender of a message. */
export interface Sent {
  data: unknown;
  origin: string;
  source: unknown;
}

/** The message, or null if it does not come from this frame or is not one of an embedded circuit. `origin` is that of the frame. */
export function messageOf(sent: Sent, frame: unknown, origin: string): EmbedMessage | null {
  if (!frame || sent.source !== frame || sent.origin !== origin) return null;
  const data = sent.data as Partial<Record<string, unknown>> | null;
  if (typeof data !== 'object' || data === null || data['source'] !== 'sparse-circuit') return null;
  switch (data['type']) {
    case 'height':
      return typeof data['height'] === 'number' && data['height'] > 0 && data['height'] <= MAX_HEIGHT ? (data as EmbedMessage) : null;
    case 'ready':
      return data as EmbedMessage;
    case 'failed':
      return typeof data['message'] === 'string' ? (data as EmbedMessage) : null;
    case 'change':
      return isChange(data) ? (data as EmbedMessage) : null;
    default:
      return null;
  }
}

function isChange(data: Partial<Record<keyof Change, unknown>>): boolean {
  const { candidates, p, mode, flip, state } = data;
  const two = (list: unknown, kind: string) => Array.isArray(list) && list.length === 2 && list.every((one) => typeof one === kind);
  return two(candidates, 'string') && two(p, 'number') && typeof mode === 'string' && typeof flip === 'boolean' && typeof state === 'string';
}
