/** Downloads that count their bytes, and say clearly what went wrong. */

/** Counts what several downloads have brought; the sum only grows. */
export class Tally {
  private loaded = 0;
  private total = 0;

  constructor(private readonly report: (progress: { loaded: number; total: number }) => void) {}

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
 * The bytes of a file whose size is known beforehand. A file of another size is refused: it was cut off on its way, or it is
 * another file than the manifest speaks of.
 */
export async function download(url: string, bytes: number, tally: Tally | null): Promise<Uint8Array<ArrayBuffer>> {
  const name = new URL(url).pathname.split('/').at(-1) ?? url;
  let response: Response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${name} could not be loaded: no connection. Check the connection and load the page again.`);
  }
  if (!response.ok) throw new Error(`${name} could not be loaded: the server answered with status ${response.status}.`);
  const result = new Uint8Array(bytes);
  let at = 0;
  try {
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > bytes) {
        void reader.cancel();
        throw new SizeError(`${name} is larger than the ${bytes} bytes that the manifest gives it: it is another file, or damaged.`);
      }
      result.set(value, at);
      at += value.length;
      tally?.add(value.length);
    }
  } catch (error) {
    if (error instanceof SizeError) throw error;
    throw new Error(`${name} broke off after ${at} of ${bytes} bytes. Check the connection and load the page again.`);
  }
  if (at < bytes) throw new Error(`${name} ends after ${at} of ${bytes} bytes: it is damaged. Load the page again, or replace the file.`);
  return result;
}

class SizeError extends Error {}
