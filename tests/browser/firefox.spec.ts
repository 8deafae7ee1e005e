/** The page's story in the Firefox of the machine. Playwright drives only its own build of Firefox, so Puppeteer does it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@playwright/test';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { listed, oneFile } from './page';

/** `cargo xtask test` finds or installs it. */
const program = process.env['FIREFOX'];

/** No network: every host but this machine is behind a proxy that does not answer. */
const OFFLINE = Object.fromEntries(['http', 'ssl'].flatMap((kind) => [[`network.proxy.${kind}`, '127.0.0.1'], [`network.proxy.${kind}_port`, 9]]));

const by = (name: string) => `[data-testid="${name}"]`;

/** Waits until numbers and graph belong to the text. */
const ready = (page: Page) => page.waitForSelector(`${by('status')}[data-state=ready]`, { timeout: 60_000 });

async function opened(browser: Browser, address: string): Promise<Page> {
  // A context of its own: no storage, as in a fresh profile.
  const page = await (await browser.createBrowserContext()).newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.goto(address);
  await ready(page);
  return page;
}

/** The two probabilities and the value of each drawn node, every digit. */
async function numbers(page: Page): Promise<{ p: number[]; nodes: (string | null)[][] }> {
  await ready(page);
  return page.evaluate(() => ({
    p: ['p-target', 'p-alt'].map((name) => Number(document.querySelector(`[data-testid=${name}]`)!.getAttribute('data-value'))),
    nodes: [...document.querySelectorAll('[data-testid=graph] [data-node]')].map((one) => ['data-node', 'data-activation', 'data-on'].map((name) => one.getAttribute(name))),
  }));
}

const text = (page: Page) => page.$eval(by('prompt-a'), (one) => (one as HTMLTextAreaElement).value);

test('Firefox: opens live, flips and flips back exactly, follows the typing, opens its own link again; the page as one file gives the same numbers', async ({ baseURL }) => {
  test.skip(!program, 'no Firefox: FIREFOX is not set, and `cargo xtask test` found none and cannot install it');
  // Firefox starts slowly on a busy machine.
  test.setTimeout(240_000);
  const profile = mkdtempSync(join(tmpdir(), 'sparse-circuits-firefox-'));
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath: program!, headless: true, timeout: 90_000, userDataDir: profile, protocol: 'webDriverBiDi', extraPrefsFirefox: { 'network.proxy.type': 1, ...OFFLINE } });
  try {
    const [task] = listed().tasks;
    const page = await opened(browser, baseURL!);
    const messages: string[] = [];
    page.on('console', (message) => messages.push(message.text()));
    page.on('pageerror', (error) => messages.push(String(error)));

    // Live: not the stored numbers of the placeholder.
    expect(await page.$eval(by('status'), (one) => one.getAttribute('data-placeholder'))).toBe('false');
    expect(await text(page)).toBe(task!.presets[0]!.a.text);
    const start = await numbers(page);
    expect(start.p[0]! + start.p[1]!).toBeCloseTo(1, 9);
    expect(start.nodes.length).toBeGreaterThan(0);

    await page.click(by('flip'));
    const flipped = await numbers(page);
    expect(start.p[0]! > 0.5).not.toBe(flipped.p[0]! > 0.5);
    expect(await text(page)).toBe(task!.presets[0]!.a.text);
    await page.click(by('flip'));
    expect(await numbers(page)).toEqual(start);

    await page.focus(by('prompt-a'));
    await page.$eval(by('prompt-a'), (one) => (one as HTMLTextAreaElement).select());
    await page.keyboard.type('log.write("several words');
    expect(await text(page)).toBe('log.write("several words');
    const typed = await numbers(page);
    expect(typed.p).not.toEqual(start.p);

    await page.click(by('flip'));
    const shared = await numbers(page);
    await page.click(by('share'));
    // Where Firefox refuses the clipboard, the address bar holds the same link.
    expect(page.url()).toContain('flip=1');
    const again = await opened(browser, page.url());
    expect(await numbers(again)).toEqual(shared);
    expect(await text(again)).toBe('log.write("several words');

    const file = oneFile();
    if (file) {
      const alone = await opened(browser, pathToFileURL(file).href);
      alone.on('console', (message) => messages.push(message.text()));
      expect(await numbers(alone)).toEqual(start);
      await alone.click(by('flip'));
      expect(await numbers(alone)).toEqual(flipped);
      const [, other] = listed().tasks;
      await alone.select(by('task-select'), other!.name);
      await alone.waitForFunction((name) => location.hash.includes(`task=${name}`), {}, other!.name);
      await ready(alone);
      expect(await text(alone)).toBe(other!.presets[0]!.a.text);
      expect((await numbers(alone)).p).not.toEqual(flipped.p);
    }
    expect(messages).toEqual([]);
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
});
