/** How Vite's preview serves the built folder: `cargo xtask serve` uses it too. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';

const assets = readdirSync(join(__dirname, '../../www/dist/assets'));
const engine = `./assets/${assets.find((name) => name.startsWith('sparse_circuits_bg') && name.endsWith('.wasm'))}`;

test('a folder is its index', async ({ request }) => {
  const answer = await request.get('./');
  expect(answer.status()).toBe(200);
  expect(answer.headers()['content-type']).toMatch(/^text\/html/);
});

test('wasm has the type that browsers compile while it arrives', async ({ request }) => {
  const answer = await request.get(`${engine}?v=1`);
  expect(answer.status()).toBe(200);
  expect(answer.headers()['content-type']).toBe('application/wasm');
});

test('a rebuilt file is never taken from the cache', async ({ request }) => {
  for (const path of ['./', engine, './models/manifest.json']) {
    expect((await request.get(path)).headers()['cache-control'], path).toBe('no-cache');
  }
});

test('HEAD has no body', async ({ request }) => {
  const answer = await request.head('./models/manifest.json');
  expect(answer.headers()['content-type']).toMatch(/^application\/json/);
  expect(await answer.body()).toHaveLength(0);
});

test('nothing outside the folder is served, and what does not exist is missing', async ({ request }) => {
  for (const path of ['./%2e%2e/package.json', './..%2fpackage.json', './models/none.safetensors', './none']) {
    expect((await request.get(path)).status(), path).toBe(404);
  }
});
