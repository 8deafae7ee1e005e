import { brotliCompressSync } from 'node:zlib';
import { expect, test, type Response } from './test';
import { ready } from './page';

/** Compressing takes seconds a file, so each file is compressed once. */
const compressed = new Map<string, number>();

/** Bytes as a good host would send them: wasm and text as brotli, models as shipped. */
async function sent(responses: Response[]): Promise<{ total: number; rows: string[] }> {
  let total = 0;
  const rows: string[] = [];
  for (const response of responses) {
    const path = new URL(response.url()).pathname;
    const body = await response.body();
    const bytes = compressed.get(path) ?? (path.endsWith('.safetensors') ? body.length : brotliCompressSync(body).length);
    compressed.set(path, bytes);
    total += bytes;
    rows.push(`${(bytes / 1e3).toFixed(1).padStart(8)} KB ${path}`);
  }
  return { total, rows };
}

test('what the first live screen, the default page and an embed load stays within bounds', async ({ page, context }) => {
  // Of the context, so that the worker's requests count too.
  const responses: Response[] = [];
  context.on('response', (response) => responses.push(response));
  // The tokenizer comes a moment after the first live screen; held back here, so that a slow machine does not count it in.
  let release = () => {};
  let held = new Promise<void>((done) => (release = done));
  await context.route(/tokenizer.*\.(js|wasm)$/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto('./');
  await ready(page);
  const first = await sent(responses.slice());
  release();

  // A text of one's own needs the tokenizer.
  await page.getByTestId('prompt-a').click();
  await page.keyboard.type('x');
  await ready(page);
  await page.waitForLoadState('networkidle');
  const all = await sent(responses);

  held = new Promise<void>((done) => (release = done));
  responses.length = 0;
  await page.goto('./embed.html');
  await ready(page);
  const embed = await sent(responses.slice());
  release();

  console.log(`until the first live screen: ${(first.total / 1e3).toFixed(1)} KB\n${first.rows.join('\n')}`);
  console.log(`with the tokenizer: ${(all.total / 1e3).toFixed(1)} KB\n${all.rows.slice(first.rows.length).join('\n')}`);
  console.log(`until the first live screen of an embed: ${(embed.total / 1e3).toFixed(1)} KB\n${embed.rows.join('\n')}`);
  for (const { rows } of [first, embed]) expect(rows.some((row) => row.endsWith('.wasm')), 'the engine has been seen loading').toBe(true);
  expect(all.rows.some((row) => /tokenizer.*\.wasm/.test(row)), 'the tokenizer has been seen loading').toBe(true);
  // Without an adapter the engine on WebGPU is not loaded; `scripts/sizes.mjs` counts it in.
  expect(all.rows.filter((row) => row.includes('webgpu'))).toEqual([]);
  expect(first.total).toBeLessThanOrEqual(600e3);
  expect(all.total).toBeLessThanOrEqual(1500e3);
  expect(embed.total).toBeLessThanOrEqual(620e3);
});

test('embed.js is one small file', async ({ page }) => {
  const { rows, total } = await sent([(await page.goto('./embed.js'))!]);
  expect(rows).toHaveLength(1);
  expect(total).toBeLessThanOrEqual(8e3);
  expect(await page.evaluate(() => document.body.innerText)).not.toMatch(/\bimport\s*["{*(]/);
});
