/** Links for tests: real ones with random damage, and random ones of hostile parts. The same seed gives the same links. */
import { noEdits } from '../../src/domain/edits';
import type { Doc } from '../../src/state/document';
import { encode } from '../../src/state/url';

/** Values that have broken pages: markup, prototypes, odd numbers, broken encodings, paths, floods. */
const VALUES = [
  '<img src=x onerror=alert(1)>', '%3Cscript%3Ealert(1)%3C%2Fscript%3E', '"><svg/onload=alert(1)>', "'-alert(1)-'", 'javascript:alert(1)', '${alert(1)}', '{{7*7}}',
  '__proto__', 'constructor', 'toString', 'hasOwnProperty', '__proto__:1', 'NaN', 'Infinity', '-0', '1e999', '1e-400', '0x10', '1e3', '-1', '00', '007', '1.23456789012345',
  '9999999999999999999999', '%', '%E0%A4%A', '%00', '%FF%FE', '%ED%A0%80', '%F0%9F%99%82', '\ud83d', '\udc00', '🙂', 'שלום', '\u202e', '\u0000', '\r\n', '+', '%2B', '%26', '%3D', '%23',
  '../../etc/passwd', '..%2F..%2Findex.html', '//host', '0.mlp.post_act.1', '0.mlp.post_act.1023', '0.mlp.post_act.1024', '00.attn.q.007', '1.attn.act_in.126', '9.attn.q.1',
  '0.attn.y.1', '0.attn.q.1:-0', '0.attn.q.1:1e-400', '1.attn.v.17:1000', '1.attn.v.17:1000.1', '1.attn.v.17:0.123456789', '0.mlp.act_in.5:0.mlp.post_act.863', 'logit.0', 'logit.2', 'head.1.63', 'head.1.64',
  'embedding', '1.attn.resid_delta.9:logit.1', 'full', 'circuit', 'removed', 'FULL', '1', '0', '2', '4', '99999', '100000', '', ' ', ',', ':', ',,,,', 'cpu', 'webgpu', 'graph', 'dark', '7', '3.2', '7.1',
];

const KEYS = ['v', 'task', 'a', 'b', 'mode', 'off', 'set', 'scale', 'patch', 'offe', 'flip', 'node', 'token', 'list', 'all', 'twin', 'steer', 'channel', 'switch', 'backend', 'tour', 'present', 'view', 'theme', '__proto__', 'x', ''];

/** What random damage puts between the characters of a link. */
const CHARACTERS = [...'#&=%,:.+-_019azAZ<>"\'`\\/ \n\t\u0000é🙂', '\ud83d', '%3C', '%25', '&a=', '&v=2'];

export interface ListedTask {
  name: string;
  presets: { a: { text: string }; b: { text: string } }[];
}

/** Mulberry32: a small generator that is good enough for tests. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function hostileHashes(count: number, tasks: ListedTask[]): string[] {
  const next = random(14);
  const below = (limit: number) => Math.floor(next() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const some = (make: () => string, most: number) => Array.from({ length: below(most) }, make);

  const real = (): string => {
    const task = one(tasks);
    const { a, b } = one(task.presets);
    const node = () => one(['0.mlp.post_act.863', '1.attn.q.4', '0.attn.act_in.3', '1.mlp.resid_delta.255']);
    const doc: Doc = {
      task: task.name, a: a.text, b: below(2) ? b.text : null, token: below(2) ? below(9) : null, node: below(2) ? node() : null, list: below(4) === 0, all: below(4) === 0,
      edits: { ...noEdits(one(['full', 'circuit', 'removed'] as const)), flip: below(2) === 0, off: some(node, 3), set: below(2) ? { [node()]: next() * 20 - 10 } : {}, scale: below(3) ? {} : { [node()]: next() } },
      twin: below(4) ? null : { steer: next(), channel: null, boundary: null },
      tour: below(4) ? null : { step: 1 + below(6), shown: true, choice: one([null, 0, 1, 2] as const), present: below(2) === 0 },
    };
    return encode(doc, below(4) ? null : one(['cpu', 'webgpu'] as const));
  };
  const value = (): string => (below(4) ? one(VALUES) : some(() => one(VALUES), 6).join(one([',', ':', '', '&'])));
  const flood = (): string => {
    const [times, part] = [one([300, 5000, 17_000, 70_000]), one(['x', '(', '🙂', 'é', '%F0%9F%99%82', '0.attn.q.1,', '0.attn.q.1:1,', '%', '&'])];
    return part.repeat(times).slice(0, 140_000);
  };
  const hostile = (): string => {
    const parts = Array.from({ length: 1 + below(8) }, () => `${one(KEYS)}=${below(60) ? value() : flood()}`);
    return `#${one(['v=1&', ''])}${parts.join('&')}`;
  };
  const damaged = (hash: string): string => {
    const at = below(hash.length + 1);
    const length = below(12);
    switch (below(6)) {
      case 0: return hash.slice(0, at) + hash.slice(at + length);
      case 1: return hash.slice(0, at) + one(CHARACTERS) + hash.slice(at);
      case 2: return hash.slice(0, at) + one(CHARACTERS) + hash.slice(at + 1);
      case 3: return hash.slice(0, at);
      case 4: return hash.slice(0, at) + hash.slice(at - length) + hash.slice(at);
      default: return hash.replace(new RegExp(`(?<=[#&]${one(KEYS)}=)[^&]*`), () => value());
    }
  };

  const hashes = new Set<string>();
  while (hashes.size < count) {
    let hash = below(2) ? real() : hostile();
    for (let changes = below(5); changes > 0; changes--) hash = damaged(hash);
    hashes.add(hash);
  }
  return [...hashes];
}
