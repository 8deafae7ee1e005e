import { afterEach, describe, expect, it, vi } from 'vitest';
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
    await expect(download(url, 5, null)).rejects.toThrow('model.safetensors ends after 2 of 5 bytes');
  });
  it('refuses a file that is too long', async () => {
    serve([1, 2, 3, 4], [5, 6]);
    await expect(download(url, 5, null)).rejects.toThrow('larger than the 5 bytes');
  });
  it('says when the connection breaks', async () => {
    serve([1, 2], new Error('reset'));
    await expect(download(url, 5, null)).rejects.toThrow('broke off after 2 of 5 bytes');
  });
  it('says what the server answered', async () => {
    vi.stubGlobal('fetch', async () => new Response('', { status: 404 }));
    await expect(download(url, 5, null)).rejects.toThrow('status 404');
    vi.stubGlobal('fetch', async () => Promise.reject(new TypeError('failed')));
    await expect(download(url, 5, null)).rejects.toThrow('no connection');
  });
});
