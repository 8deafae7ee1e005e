// Opens www/dist/bench.html in a headless browser and prints its table and, as the last line, its JSON.
// CHROMIUM names the browser; without it Playwright's own.

import { join } from 'node:path';
import { chromium } from '@playwright/test';
import { preview } from 'vite';

const server = await preview({ root: join(import.meta.dirname, '..'), preview: { host: '127.0.0.1', port: 0 }, logLevel: 'warn' });
const executablePath = process.env.CHROMIUM;
const browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}), args: ['--no-sandbox', '--no-first-run', '--disable-background-networking'] });
try {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1100 } });
  await page.goto(new URL('bench.html', server.resolvedUrls.local[0]).href);
  await page.waitForFunction(() => window.benchResult, undefined, { timeout: 300_000, polling: 250 });
  const result = await page.evaluate(() => window.benchResult);
  if (result.error) throw new Error(result.error);
  for (const line of (await page.locator('#table').innerText()).split('\n')) {
    const [name, ...numbers] = line.split('\t');
    console.log(name.padEnd(28) + numbers.map((number) => number.trim().padStart(11)).join(''));
  }
  console.log(JSON.stringify(result));
} finally {
  await browser.close();
  await server.close();
}
