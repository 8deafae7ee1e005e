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

/** Milliseconds from a key to the numbers in the page, where the page has the window to itself. The first keys do not count. */
async function keys(page, url) {
  await page.goto(url);
  await page.waitForSelector('[data-testid=status][data-state=ready]');
  return page.evaluate(async () => {
    const [warm, count] = [15, 60];
    const shown = document.querySelector('sc-page');
    const area = document.querySelector('[data-testid=prompt-a]');
    const { playground } = shown;
    const { a: text } = playground.screen.doc;
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    await wait(2000);
    const times = [];
    for (let key = 0; key < warm + count; key++) {
      const { snapshot } = playground.screen;
      const start = performance.now();
      area.value = key % 2 === 0 ? `${text}x` : text;
      area.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((done) => {
        const leave = playground.subscribe(() => playground.screen.snapshot !== snapshot && (leave(), done()));
      });
      await shown.updateComplete;
      times.push(performance.now() - start);
      await wait(100 + ((5 * key) % 17));
    }
    const sorted = times.slice(warm).sort((left, right) => left - right);
    return [sorted[count / 2], sorted[count / 10], count];
  });
}

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
  if (result.rows.length > 0) {
    await print('#table', { left: 1, of: [36] });
    const alone = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const [median, best, runs] = await keys(alone, new URL('index.html#backend=cpu', server.resolvedUrls.local[0]).href);
    console.log(`cpu: key to numbers, in a window of its own: median ${median.toFixed(1)} ms, best tenth ${best.toFixed(1)} ms, ${runs} keys`);
    await alone.close();
  }
  if (result.backends) {
    console.log(`\n${await page.locator('#device').innerText()}`);
    await print('#backends', { left: 2, of: [21, 48] });
  }
  console.log(JSON.stringify(result));
} finally {
  await browser.close();
  await server.close();
}
