/** Downloads of files whose sizes are known. They count their bytes, and their errors name the file and the reason. */
import { download as text } from '../text/en';
import { fetchFile } from './files';
import type { Progress } from './protocol';

/** The largest file that the page loads, in bytes. A model must fit into the engine's memory, which has 4 GiB, more than once. */
export const MAX_FILE_BYTES = 2 ** 30;

/** Sums the bytes of several downloads and reports each change. */
export class Tally {
  private loaded = 0;
  private total = 0;

  constructor(private readonly report: (progress: Progress) => void) {}

  expect(bytes: number): void {
    this.total += bytes;
    this.report({ loaded: this.loaded, total: this.total });
  }

  add(bytes: number): void {
    this.loaded += bytes;
    this.report({ loaded: Math.min(this.loaded, this.total), total: this.total });
  }
}

/**
 * Loads a file of exactly `bytes` bytes. Rejects a file of another size: it is damaged, or it is not the file that the manifest lists.
 * Nothing is allocated before the size and the server's answer are checked.
 */
export async function download(url: string, bytes: number, tally: Tally | null): Promise<Uint8Array<ArrayBuffer>> {
  const name = new URL(url).pathname.split('/').at(-1) ?? url;
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes > MAX_FILE_BYTES) {
    throw new Error(text.badSize(name, bytes, MAX_FILE_BYTES));
  }
  const response = await request(url, name);
  if (!response.ok) throw new Error(text.status(name, response.status));
  const announced = announcedBytes(response);
  if (announced !== null && announced !== bytes) {
    void response.body?.cancel();
    throw new Error(text.otherSize(name, announced, bytes));
  }
  const result = allocate(bytes, name);
  let at = 0;
  try {
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > bytes) {
        void reader.cancel();
        throw new SizeError(text.tooLong(name, bytes));
      }
      result.set(value, at);
      at += value.length;
      tally?.add(value.length);
    }
  } catch (error) {
    if (error instanceof SizeError) throw error;
    throw new Error(text.stopped(name, at, bytes));
  }
  if (at < bytes) throw new Error(text.tooShort(name, at, bytes));
  return result;
}

/** Without a connection, the browser's cache may still have the file: an engine that is restarted loads files that the page had before. */
async function request(url: string, name: string): Promise<Response> {
  try {
    return await fetchFile(url).catch(() => fetchFile(url, { cache: 'force-cache' }));
  } catch {
    throw new Error(text.noConnection(name));
  }
}

/**
 * The file's size by the response's headers, or null. The length of a compressed response is not the file's, and a response from another
 * origin does not show whether it is compressed.
 */
function announcedBytes({ headers, type }: Response): number | null {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') || type === 'cors' ? null : Number(length);
}

function allocate(bytes: number, name: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch {
    throw new Error(text.noMemory(name, bytes));
  }
}

class SizeError extends Error {}
