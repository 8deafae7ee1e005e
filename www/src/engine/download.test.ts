import { afterEach, describe, expect, it, vi } from 'vitest';
import { download as text } from '../text/en';
import { download, Tally } from './download';

const url = 'http://host/models/model.safetensors';
const serve = (...chunks: (number[] | Error)[]) =>
  vi.stubGlobal('fetch', async () => new Response(new ReadableStream({
    pull(playground) {
      const chunk = chunks.shift();
      if (chunk === undefined) playground.close();
      else if (chunk instanceof Error) playground.error(chunk);
      else playground.enqueue(Uint8Array.from(chunk));
    },
  })));

afterEach(() => vi.unstubAllGlobals());

describe('download', () => {
  it('brings the bytes and counts them', async () => {
    const reported: number[] = [];
    const tally = new Tally(({ loaded }) => reported.push(loaded));
    tally.expect(5);
    serve([1, 2], [3, 4, 5]);
    expect([...(await download(url, 5, tally))]).toEqual([1, 2, 3, 4, 5]);
    expect(reported).toEqual([0, 2, 5]);
  });
  it('refuses a file that is cut off', async () => {
    serve([1, 2]);
    await expect(download(url, 5, null)).rejects.toThrow(text.tooShort('model.safetensors', 2, 5));
  });
  it('refuses a file that is too long', async () => {
    serve([1, 2, 3, 4], [5, 6]);
    await expect(download(url, 5, null)).rejects.toThrow(text.tooLong('model.safetensors', 5));
  });
  it.each([4, 6, 1e12])('refuses a file whose server announces %d bytes before it reads any', async (announced) => {
    let read = false;
    vi.stubGlobal('fetch', async () => new Response(
      new ReadableStream({ pull: () => void (read = true) }, { highWaterMark: 0 }), { headers: { 'content-length': String(announced) } }));
    await expect(download(url, 5, null)).rejects.toThrow(text.otherSize('model.safetensors', announced, 5));
    expect(read).toBe(false);
  });
  it('compares no length of a compressed answer', async () => {
    vi.stubGlobal('fetch', async () => new Response(Uint8Array.of(1, 2, 3, 4, 5), { headers: { 'content-length': '9', 'content-encoding': 'gzip' } }));
    expect(await download(url, 5, null)).toHaveLength(5);
    const hidden = new Response(Uint8Array.of(1, 2, 3, 4, 5), { headers: { 'content-length': '9' } });
    vi.stubGlobal('fetch', async () => Object.defineProperty(hidden, 'type', { value: 'cors' }));
    expect(await download(url, 5, null)).toHaveLength(5);
  });
  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 30 + 1])('asks for no file of %d bytes', async (bytes) => {
    const fetched = vi.fn();
    vi.stubGlobal('fetch', fetched);
    await expect(download(url, bytes, null)).rejects.toThrow('model.safetensors');
    expect(fetched).not.toHaveBeenCalled();
  });
  it('takes a file from the cache where there is no connection', async () => {
    vi.stubGlobal('fetch', async (_: string, init?: RequestInit) => {
      if (init?.cache !== 'force-cache') throw new TypeError('failed');
      return new Response(Uint8Array.of(1, 2, 3, 4, 5));
    });
    expect([...(await download(url, 5, null))]).toEqual([1, 2, 3, 4, 5]);
  });
  it('says when the connection breaks', async () => {
    serve([1, 2], new Error('reset'));
    await expect(download(url, 5, null)).rejects.toThrow(text.stopped('model.safetensors', 2, 5));
  });
  it('says what the server answered', async () => {
    vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
    await expect(download(url, 5, null)).rejects.toThrow(text.status('model.safetensors', 404));
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('failed')));
    await expect(download(url, 5, null)).rejects.toThrow(text.noConnection('model.safetensors'));
  });
});
