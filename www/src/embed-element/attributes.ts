/** From the attributes of `<sparse-circuit>` to the address of its frame. */
import { wellFormed } from '../domain/characters';

/** The attributes that describe what is shown. They win over the same keys of `state`. */
const KEYS = ['task', 'mode', 'a', 'b', 'node', 'view', 'theme'] as const;

/** `state` is a whole hash, with or without its `#`. */
export const OBSERVED = [...KEYS, 'state', 'height', 'src'] as const;

type Get = (name: string) => string | null;

/** The hash of `embed.html`, in which the first value of a key counts. */
export function hashOf(get: Get): string {
  const parts = KEYS.flatMap((key) => {
    const value = get(key);
    return value === null ? [] : [`${key}=${encodeURIComponent(wellFormed(value))}`];
  });
  const state = get('state')?.replace(/^#/, '') ?? '';
  return `#${[...parts, state === '' ? 'v=1' : state].join('&')}`;
}

/** The hash of a frame that is made again: the state that the reader has made, with the look of `hash`. */
export function resumedHash(hash: string, made: string): string {
  const fields = new URLSearchParams(hash.slice(1));
  const look = ['view', 'theme'].flatMap((key) => (fields.has(key) ? [`${key}=${encodeURIComponent(fields.get(key)!)}`] : []));
  return `#${[...look, made.replace(/^#/, '')].join('&')}`;
}

/** The task of a hash, or null. Only names of files are tasks. */
export function taskOf(hash: string): string | null {
  const task = new URLSearchParams(hash.slice(1)).get('task');
  return task !== null && /^\w+$/.test(task) ? task : null;
}

/** The height of the attribute in CSS pixels; null: as high as the content. */
export function heightOf(value: string | null): number | null {
  const pixels = Number.parseFloat(value ?? '');
  return Number.isFinite(pixels) && pixels > 0 ? Math.min(pixels, MAX_HEIGHT) : null;
}

/** No circuit is higher, in CSS pixels. */
export const MAX_HEIGHT = 4000;
