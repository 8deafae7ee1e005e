/**
 * The page as one file, which `scripts/bundle.mjs` writes. Its HTML has a block for every other file. A block of `data-file` holds the
 * file's deflated bytes as base64; a block of `data-worker` is the script of a worker. Nothing is fetched.
 */

/** The build gives each file an address below this one. No server has it. */
const BASE = 'https://one-file.invalid/';

/** Deflated bytes as base64, by the name of the file. */
export type Blocks = Map<string, Blob>;

const TYPES: Record<string, string> = { wasm: 'application/wasm', json: 'application/json', md: 'text/plain;charset=utf-8', txt: 'text/plain;charset=utf-8' };

export function blocksOfPage(): Blocks {
  const blocks = document.querySelectorAll<HTMLElement>('script[data-file]');
  return new Map([...blocks].map((block) => [block.dataset['file']!, new Blob([block.textContent])]));
}

/** A worker has no document: the page sends it the blocks. It must ask for them before it takes any other message. */
export function blocksFromPage(): Promise<Blocks> {
  return new Promise((resolve) => {
    addEventListener('message', ({ data }: MessageEvent<{ blocks: Blocks }>) => resolve(data.blocks), { once: true });
  });
}

/** Sends the blocks to a new worker. Comlink ignores this message. */
export function handOver(blocks: Blocks, worker: Worker): void {
  worker.postMessage({ blocks });
}

/** Answers as a server would: with 404 for a file that is not in the page. */
export async function readBlock(blocks: Blocks, url: string): Promise<Response> {
  const name = nameOf(url);
  const block = blocks.get(name);
  if (!block) return new Response(null, { status: 404 });
  const bytes = Uint8Array.from(atob(await block.text()), (char) => char.charCodeAt(0));
  const headers = { 'content-type': TYPES[name.split('.').at(-1)!] ?? 'application/octet-stream' };
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate')), { headers });
}

/** The script of a worker. */
export function scriptOf(url: string): string {
  return document.querySelector(`script[data-worker="${CSS.escape(nameOf(url))}"]`)!.textContent;
}

function nameOf(url: string): string {
  return url.startsWith(BASE) ? url.slice(BASE.length) : '';
}
