/** What the browser tests share: opening the page, and reading what it shows by its stable names. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type BrowserContext, type FrameLocator, type Page } from '@playwright/test';

const folder = join(__dirname, '../../models');

if (!existsSync(join(folder, 'manifest.json'))) {
  throw new Error('models/manifest.json is not there: these tests drive the shipped model, so check out all of models/.');
}

export interface ManifestTask {
  name: string;
  candidates: [string, string];
  presets: { a: { text: string }; b: { text: string } }[];
}

export interface ManifestModel {
  file: string;
  default: boolean;
  bytes: number;
  tokenizer: string;
  twin?: { dense: string; denseBytes: number; bridge: string; bridgeBytes: number };
  tasks: ManifestTask[];
}

/** Every model of the manifest. */
export function models(): ManifestModel[] {
  return (JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as { models: ManifestModel[] }).models;
}

/** The default model's entry in the manifest. */
export function listed(): ManifestModel {
  return models().find((model) => model.default) ?? models()[0]!;
}

export function modelFile(name: string): Buffer {
  return readFileSync(join(folder, name));
}

/** The page as one file, which `cargo xtask test` writes; undefined when Playwright was started by hand without it. */
export function oneFile(): string | undefined {
  return process.env['ONE_FILE'];
}

/** What the page is to run on, by the project of `playwright.config.ts`. */
export function backend(): 'cpu' | 'webgpu' {
  return test.info().project.name === 'webgpu' ? 'webgpu' : 'cpu';
}

/** Opens the page with a hash and waits until numbers and graph belong to the text, on the project's backend. */
export async function open(page: Page, hash = ''): Promise<void> {
  const address = backend() === 'webgpu' ? `${hash === '' ? '#' : `${hash}&`}backend=webgpu` : hash;
  await page.goto(`./${address}`);
  await ready(page);
  await expect(page.getByTestId('backend')).toHaveText(backend());
}

/** In the pages and frames that open from now on, storage is blocked, as with third-party cookies. */
export async function blockStorage(context: BrowserContext): Promise<void> {
  await context.addInitScript(denyStorage);
}

/** Runs in the page. */
export function denyStorage(): void {
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) {
    Object.defineProperty(window, name, { get: () => { throw new DOMException('blocked', 'SecurityError'); } });
  }
}

export async function ready(page: Page | FrameLocator): Promise<void> {
  await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'ready');
}

/** The two probabilities as the page states them, every digit. */
export async function chances(page: Page | FrameLocator): Promise<[number, number]> {
  await ready(page);
  const read = async (name: string) => Number(await page.getByTestId(name).getAttribute('data-value'));
  return [await read('p-target'), await read('p-alt')];
}

/** Draws the nodes, too, that are folded because they are inactive on the example. */
export async function unfold(page: Page): Promise<void> {
  const button = page.locator('[data-folded=true]');
  if ((await button.count()) > 0) await button.click();
}

/** Every drawn node with its value and whether it is on. */
export async function nodes(page: Page): Promise<{ node: string; activation: string; on: string }[]> {
  await ready(page);
  return page.locator('[data-testid=graph] [data-node]').evaluateAll((all) =>
    all.map((one) => ({ node: one.getAttribute('data-node')!, activation: one.getAttribute('data-activation')!, on: one.getAttribute('data-on')! })),
  );
}

/** Collects what a page must not do: console messages, errors, requests to anywhere else. */
export function watch(page: Page): { messages: string[]; strangers: string[] } {
  const seen = { messages: [] as string[], strangers: [] as string[] };
  // Playwright's own message, some seconds after the page is live, is none of the page's.
  page.on('console', (message) => message.text() === 'Service Worker registration blocked by Playwright' || seen.messages.push(message.text()));
  page.on('pageerror', (error) => seen.messages.push(String(error)));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith('http') && host !== new URL(page.url()).host && page.url() !== 'about:blank') seen.strangers.push(request.url());
  });
  return seen;
}

/** A number as the page writes it: U+2212 for minus. */
export function number(text: string): number {
  return Number(text.replace('\u2212', '-').replace('+', '').trim());
}

/** Waits until nothing on the page moves any more. */
export async function still(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    await frame();
    const moving = document.getAnimations().filter((one) => one.effect?.getComputedTiming().iterations !== Infinity);
    await Promise.all(moving.map((one) => one.finished.catch(() => {})));
    await frame();
  });
}

/** The notices of the page about a link, a prompt or a failure: one `data-notice` each. */
export async function notices(page: Page): Promise<string[]> {
  return page.locator('[data-notice]').evaluateAll((all) => all.map((one) => one.getAttribute('data-notice')!));
}
