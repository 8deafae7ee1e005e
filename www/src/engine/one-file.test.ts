import { expect, it } from 'vitest';
import { readBlock } from './one-file';

const BASE = 'https://one-file.invalid/';
const TEXT = '{"é": [1, 2, 3]}';

/** As scripts/bundle.mjs writes it. */
async function blockOf(text: string): Promise<Blob> {
  const deflated = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Blob([btoa(String.fromCharCode(...new Uint8Array(await new Response(deflated).arrayBuffer())))]);
}

const blocks = new Map([['models/a.json', await blockOf(TEXT)], ['damaged.json', new Blob([btoa('no')])]]);

it('a block is the file again, with its type', async () => {
  const response = await readBlock(blocks, `${BASE}models/a.json`);
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
  expect(await response.text()).toBe(TEXT);
});

it('answers 404 for a file that is not in the page, and for any other address', async () => {
  for (const url of [`${BASE}models/b.json`, 'https://host.example/models/a.json', 'models/a.json', '']) {
    expect((await readBlock(blocks, url)).status, url).toBe(404);
  }
});

it('a damaged block is an error, not another file', async () => {
  await expect((await readBlock(blocks, `${BASE}damaged.json`)).text()).rejects.toThrow();
});
