/** The Content-Security-Policy that each published page carries as a meta element: hosts of static pages cannot set headers. */
import { createHash } from 'node:crypto';

const POLICY = {
  'default-src': ["'self'"],
  // Compiling wasm; no inline code and no eval.
  'script-src': ["'self'", "'wasm-unsafe-eval'"],
  'style-src': ["'self'"],
  // The icon, and pictures that the page makes itself.
  'img-src': ["'self'", 'data:', 'blob:'],
  'worker-src': ["'self'"],
  'object-src': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
};

/** The policy of a page of www/. In a frame with `sandbox="allow-scripts"` the embedded circuit starts its workers from blobs. */
export function policyOf(page: string): string {
  const policy = page === 'embed.html' ? { ...POLICY, 'worker-src': ["'self'", 'blob:'] } : POLICY;
  return written(policy);
}

/** The policy of the page as one file. It has its own scripts and style, by their hashes, and loads nothing. */
export function policyOfFile(scripts: string[], style: string): string {
  const own = { 'default-src': ["'none'"], 'script-src': [...scripts.map(hash), "'wasm-unsafe-eval'"], 'style-src': [hash(style)], 'img-src': ['data:', 'blob:'], 'worker-src': ['blob:'] };
  return written({ ...POLICY, ...own });
}

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

function written(policy: typeof POLICY): string {
  return Object.entries(policy).map(([name, values]) => `${name} ${values.join(' ')}`).join('; ');
}
