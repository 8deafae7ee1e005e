/** The page's own files and workers: from its server, or from the page itself where the page is one file. */
import { blocksFromPage, blocksOfPage, handOver, readBlock, scriptOf, type Blocks } from './one-file';

const inPage = 'document' in globalThis;
const blocks: Blocks | Promise<Blocks> | null = !__ONE_FILE__ ? null : inPage ? blocksOfPage() : blocksFromPage();

/** As `fetch`, for a file of this build. */
export async function fetchFile(url: string, options: RequestInit = {}): Promise<Response> {
  return blocks ? readBlock(await blocks, url) : fetch(url, options);
}

/** `script` is the address that the build gives to the worker's script. */
export function startWorker(script: string, name: string): Worker {
  if (blocks) {
    const worker = workerOf(scriptOf(script), name);
    handOver(blocks as Blocks, worker);
    return worker;
  }
  const url = new URL(script, document.baseURI).href;
  if (self.origin !== 'null') return new Worker(url, { type: 'module', name });
  return workerOf(importer(url), name);
}

/** A page without an origin may start workers from blobs only, and in Chromium only classic ones. */
function workerOf(script: string, name: string): Worker {
  return new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), { name });
}

/** The worker of a frame with `sandbox="allow-scripts"`. It imports the script, and repeats the messages that arrive before it is there. */
function importer(url: string): string {
  return `const held = [];
const hold = (event) => held.push(event);
addEventListener('message', hold);
import(${JSON.stringify(url)}).then(() => {
  removeEventListener('message', hold);
  for (const { data, ports } of held) dispatchEvent(new MessageEvent('message', { data, ports }));
}, (error) => setTimeout(() => { throw error; }));`;
}
