// Opens www/dist/bench.html in a headless browser and prints its tables and, as the last line, its JSON.
// CHROMIUM names the browser (default: Playwright's own), BENCH_ARGS its further arguments. The first argument is what the page
// measures, as in its address after the #.

import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { preview } from 'vite';

const server = await preview({ root: join(import.meta.dirname, '..'), preview: { host: '127.0.0.1', port: 0 }, logLevel: 'warn' });
const executablePath = process.env.CHROMIUM;
const more = process.env.BENCH_ARGS?.split(' ') ?? [];
const browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: ['--no-sandbox', '--no-first-run', '--disable-background-networking', ...more] });
try {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  await page.goto(new URL(`bench.html#${process.argv[2] ?? ''}`, server.resolvedUrls.local[0]).href);
  await page.waitForFunction(() => window.benchResult, undefined, { timeout: 3_600_000, polling: 250 });
  const result = await page.evaluate(() => window.benchResult);
  if (result.error) throw new Error(result.error);
  const print = async (id, widths) => {
    for (const line of (await page.locator(id).innerText()).split('\n')) {
      console.log(line.split('\t').map((cell, at) => cell.trim()[at < widths.left ? 'padEnd' : 'padStart'](widths.of[at] ?? 11)).join(''));
    }
  };
  if (result.rows.length > 0) await print('#table', { left: 1, of: [36] });
  if (result.backends) {
    console.log(`\n${await page.locator('#device').innerText()}`);
    await print('#backends', { left: 2, of: [21, 48] });
  }
  console.log(JSON.stringify(result));
} finally {
  await browser.close();
  await server.close();
}
