/** The Content-Security-Policy that each published page carries as a meta element: hosts of static pages cannot set headers. */

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
  return Object.entries(policy).map(([name, values]) => `${name} ${values.join(' ')}`).join('; ');
}
