/** The page, the embeds and the use without network in the Firefox of the machine. Playwright drives only its own build of Firefox, so Puppeteer does it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@playwright/test';
import puppeteer, { type Browser, type Frame, type Page } from 'puppeteer-core';
import { publishArticle, type Article } from './article';
import { Build, Switchable } from './host';
import { denyStorage, listed, oneFile } from './page';

/** `cargo xtask test` finds or installs it. */
const program = process.env['FIREFOX'];

/** No network: every host but this machine is behind a proxy that does not answer. */
const OFFLINE = Object.fromEntries(['http', 'ssl'].flatMap((kind) => [[`network.proxy.${kind}`, '127.0.0.1'], [`network.proxy.${kind}_port`, 9]]));

// One browser for all tests: Firefox starts slowly on a busy machine.
test.describe.configure({ mode: 'default', timeout: 240_000 });

let browser: Browser;
let profile: string;
let article: Article;

test.beforeAll(async () => {
  test.skip(!program, 'no Firefox: FIREFOX is not set, and `cargo xtask test` found none and cannot install it');
  profile = mkdtempSync(join(tmpdir(), 'sparse-circuits-firefox-'));
  browser = await puppeteer.launch({
    browser: 'firefox', executablePath: program!, headless: true, timeout: 90_000, userDataDir: profile, protocol: 'webDriverBiDi',
    extraPrefsFirefox: { 'network.proxy.type': 1, ...OFFLINE },
  });
  article = await publishArticle();
});

test.afterAll(async () => {
  await browser?.close();
  article?.close();
  if (profile) rmSync(profile, { recursive: true, force: true });
});

const by = (name: string) => `[data-testid="${name}"]`;

/** Waits until numbers and graph belong to the text. */
const ready = (page: Page | Frame) => page.waitForSelector(`${by('status')}[data-state=ready]`, { timeout: 60_000 });

const attribute = (page: Page | Frame, name: string, key: string) => page.$eval(by(name), (one, of) => one.getAttribute(of), key);

/** A page in a context of its own, so without storage, as in a fresh profile. `messages` has its errors, and the violations of its policy. */
async function blank(height = 800): Promise<{ page: Page; messages: string[] }> {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.setViewport({ width: 1280, height });
  const messages: string[] = [];
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(String(error)));
  await page.evaluateOnNewDocument(() => addEventListener('securitypolicyviolation', (event) => console.error(`${event.violatedDirective}: ${event.blockedURI}`)));
  return { page, messages };
}

async function chances(page: Page | Frame): Promise<number[]> {
  await ready(page);
  return page.evaluate(() => ['p-target', 'p-alt'].map((name) => Number(document.querySelector(`[data-testid=${name}]`)!.getAttribute('data-value'))));
}

/** The two probabilities and the value of each drawn node, every digit. */
async function numbers(page: Page): Promise<{ p: number[]; nodes: (string | null)[][] }> {
  const p = await chances(page);
  const nodes = await page.$$eval('[data-testid=graph] [data-node]', (all) => all.map((one) => ['data-node', 'data-activation', 'data-on'].map((name) => one.getAttribute(name))));
  return { p, nodes };
}

const text = (page: Page) => page.$eval(by('prompt-a'), (one) => (one as HTMLTextAreaElement).value);

test('Firefox: opens live, flips and flips back exactly, follows the typing, opens its own link again; the page as one file gives the same numbers', async ({ baseURL }) => {
  const [task] = listed().tasks;
  const { page, messages } = await blank();
  await page.goto(baseURL!);
  await ready(page);

  // Live: not the stored numbers of the placeholder.
  expect(await attribute(page, 'status', 'data-placeholder')).toBe('false');
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
  const again = await blank();
  await again.page.goto(page.url());
  expect(await numbers(again.page)).toEqual(shared);
  expect(await text(again.page)).toBe('log.write("several words');

  const file = oneFile();
  if (file) {
    const { page: alone, messages: more } = await blank();
    await alone.goto(pathToFileURL(file).href);
    expect(await numbers(alone)).toEqual(start);
    await alone.click(by('flip'));
    expect(await numbers(alone)).toEqual(flipped);
    const [, other] = listed().tasks;
    await alone.select(by('task-select'), other!.name);
    await alone.waitForFunction((name) => location.hash.includes(`task=${name}`), {}, other!.name);
    await ready(alone);
    expect(await text(alone)).toBe(other!.presets[0]!.a.text);
    expect((await numbers(alone)).p).not.toEqual(flipped.p);
    messages.push(...more);
  }
  expect([...messages, ...again.messages]).toEqual([]);
});

/** The document inside the frame of a circuit, or null if the circuit has no frame now. */
async function frameOf(page: Page, selector: string): Promise<Frame | null> {
  const frame = await page.$(selector);
  return frame && (frame as unknown as { contentFrame(): Promise<Frame> }).contentFrame();
}

test('Firefox: in an article of another origin, with storage blocked, two elements and a frame live, and those far away do not', async () => {
  const { page, messages } = await blank(500);
  await page.evaluateOnNewDocument(denyStorage);
  await page.evaluateOnNewDocument(() => {
    const told: unknown[] = ((window as unknown as { told: unknown[] }).told = []);
    for (const type of ['ready', 'change']) addEventListener(type, (event) => event instanceof CustomEvent ? told.push([type, (event.target as Element).id, event.detail.p, event.detail.flip]) : (event.target as Element).id && told.push([type, (event.target as Element).id]), true);
  });
  await page.goto(`${article.at}/demo.html`);
  const scrollTo = (id: string) => page.$eval(`#${id}`, (one) => one.scrollIntoView({ block: 'center' }));
  const live = (selector: string) => expect.poll(() => frameOf(page, selector).then((frame) => frame !== null)).toBe(true);
  const [first, second] = ['#first >>> iframe', '#second >>> iframe'];

  await scrollTo('first');
  await live(first);
  expect(await page.$(second)).toBeNull();
  const frame = (await frameOf(page, first))!;
  const start = await chances(frame);
  const heights = async () => {
    const element = await page.$eval('#first', (one) => one.getBoundingClientRect().height);
    return frame.evaluate((outside) => [outside - document.documentElement.scrollHeight, innerHeight - document.documentElement.scrollHeight], element);
  };
  await expect.poll(heights).toEqual([0, 0]);
  expect(await page.$eval('#first', (one) => one.getBoundingClientRect().height)).toBeGreaterThan(400);
  await frame.click(by('flip'));
  await frame.waitForSelector(`${by('flip')}[aria-pressed=true]`);
  const flipped = await chances(frame);
  expect(flipped[0]! > 0.5).not.toBe(start[0]! > 0.5);
  await expect.poll(() => page.evaluate(() => (window as unknown as { told: unknown[] }).told)).toEqual([
    ['ready', 'first'], ['change', 'first', start, false], ['change', 'first', flipped, true],
  ]);

  await scrollTo('frame');
  const plain = (await frameOf(page, '#frame'))!;
  expect(await chances(plain)).toEqual(flipped);
  expect(await plain.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBe(0);

  await scrollTo('second');
  await live(second);
  await ready((await frameOf(page, second))!);
  expect(await attribute((await frameOf(page, second))!, 'who', 'data-mode')).toBe('circuit');
  await expect.poll(() => page.$(first)).toBeNull();

  // Back again, with what the reader has done.
  await scrollTo('first');
  await live(first);
  expect(await chances((await frameOf(page, first))!)).toEqual(flipped);
  expect(messages).toEqual([]);
});

test('Firefox: a frame with sandbox="allow-scripts" has no origin, and runs', async () => {
  const { page, messages } = await blank();
  await page.goto(`${article.at}/closed.html`);
  const frame = (await frameOf(page, '#closed'))!;
  const start = await chances(frame);
  await frame.click(by('flip'));
  await frame.waitForSelector(`${by('flip')}[aria-pressed=true]`);
  expect((await chances(frame))[0]! > 0.5).not.toBe(start[0]! > 0.5);
  expect(messages).toEqual([]);
});

test('Firefox: a broken download is completed, a new version replaces the first, and the page works without its server', async () => {
  const build = new Build();
  const host = await Switchable.of(build.folder);
  try {
    const { page } = await blank();
    const kept = async (state: string) => {
      await page.click('.about summary');
      await page.waitForSelector(`${by('offline')}[data-state=${state}]`, { timeout: 60_000 });
      await page.keyboard.press('Escape');
    };
    const reload = async () => {
      await page.reload();
      await ready(page);
    };
    const title = () => page.$eval('h1', (one) => one.textContent).catch(() => null);

    host.broken = 'MODEL_CARD.md';
    await page.goto(host.url);
    const before = await chances(page);
    await kept('failed');
    host.broken = null;
    await reload();
    await kept('kept');

    build.change('This is the second version.');
    await reload();
    expect(await title()).not.toContain('second version');
    await (await page.waitForSelector(by('update-reload'), { timeout: 60_000 }))!.click();
    await expect.poll(title, { timeout: 60_000 }).toContain('second version');
    await ready(page);
    await kept('kept');

    await host.stop();
    await reload();
    expect(await title()).toContain('second version');
    expect(await chances(page)).toEqual(before);
    await page.click(by('flip'));
    expect((await chances(page))[0]).not.toBe(before[0]);
  } finally {
    build.remove();
  }
});
