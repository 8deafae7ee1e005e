/** The page without network: kept after one visit, updated as a whole, stored again after a broken download, removed on request. */
import { createHash } from 'node:crypto';
import { cpSync, createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { expect, test, type Page } from './test';
import { chances, listed, ready } from './page';

test.use({ serviceWorkers: 'allow' });

const dist = join(__dirname, '../../www/dist');
const TYPES: Record<string, string> = {
  '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.wasm': 'application/wasm', '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** A host of a folder that can be switched off, or break off a download in the middle. */
class Host {
  /** The end of the path of a file that breaks off. */
  broken: string | null = null;
  private readonly server: Server;

  private constructor(private readonly folder: string) {
    this.server = createServer((request, response) => {
      const path = new URL(request.url!, 'http://host').pathname;
      const file = join(this.folder, path.endsWith('/') ? `${path}index.html` : path);
      const size = statSync(file, { throwIfNoEntry: false })?.size;
      if (size === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'content-length': size, 'cache-control': 'no-cache' });
      if (this.broken === null || !file.endsWith(this.broken)) return void createReadStream(file).pipe(response);
      response.write(readFileSync(file).subarray(0, size / 2), () => response.destroy());
    });
  }

  static async of(folder: string): Promise<Host> {
    const host = new Host(folder);
    await new Promise<void>((done) => host.server.listen(0, '127.0.0.1', done));
    return host;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** Waits until the page is kept, or says why not. */
async function stored(page: Page, state = 'kept'): Promise<void> {
  await page.locator('.about summary').click();
  await expect(page.getByTestId('offline')).toHaveAttribute('data-state', state, { timeout: 60_000 });
  await page.keyboard.press('Escape');
}

test('after one visit the page, its circuits and the tokenizer work without the server; what is kept can be removed', async ({ page }) => {
  const host = await Host.of(dist);
  await page.goto(host.url);
  await ready(page);
  const before = await chances(page);
  await stored(page);
  await host.stop();

  await page.reload();
  await ready(page);
  expect(await chances(page)).toEqual(before);
  await page.getByTestId('flip').click();
  expect((await chances(page))[0]).not.toBe(before[0]);
  // A task that nobody has visited, and a text that only the tokenizer can split.
  const other = listed().tasks[1]!;
  await page.getByTestId('task-select').selectOption(other.name);
  await expect(page).toHaveURL(new RegExp(`task=${other.name}`));
  await ready(page);
  const asked = await chances(page);
  await page.getByTestId('prompt-a').fill(`${other.presets[0]!.a.text} and`);
  expect(await chances(page)).not.toEqual(asked);

  await page.locator('.about summary').click();
  await page.getByTestId('offline-remove').click();
  await expect(page.getByTestId('offline')).toHaveAttribute('data-state', 'removed');
  const left = await page.evaluate(async () => [await caches.keys(), (await navigator.serviceWorker.getRegistrations()).length]);
  expect(left).toEqual([[], 0]);
});

test('a new version replaces the old one as a whole, when the user asks for it', async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), 'page-'));
  cpSync(dist, folder, { recursive: true });
  const host = await Host.of(folder);
  try {
    await page.goto(host.url);
    await ready(page);
    await stored(page);

    // The second build: another text in the manifest, and the service worker that lists it.
    const file = join(folder, 'models/manifest.json');
    const old = readFileSync(file);
    const manifest = JSON.parse(old.toString()) as { models: { tasks: { sentence: string }[] }[] };
    for (const model of manifest.models) model.tasks[0]!.sentence = 'This is the second version.';
    writeFileSync(file, JSON.stringify(manifest));
    const digest = (algorithm: string, bytes: Buffer, encoding: 'hex' | 'base64') => createHash(algorithm).update(bytes).digest(encoding);
    const worker = readFileSync(join(folder, 'sw.js'), 'utf8');
    const changed = worker.replace(digest('md5', old, 'hex'), digest('md5', readFileSync(file), 'hex')).replace(digest('sha256', old, 'base64'), digest('sha256', readFileSync(file), 'base64'));
    expect(changed.length).toBe(worker.length);
    expect(changed).not.toBe(worker);
    writeFileSync(join(folder, 'sw.js'), changed);

    await page.reload();
    await ready(page);
    await expect(page.locator('h1')).not.toContainText('second version');
    await page.getByTestId('update-reload').click({ timeout: 60_000 });
    await expect(page.locator('h1')).toContainText('second version');
    await ready(page);
    await stored(page);
    // The dense twin is kept from the time it is opened. The link has it.
    await page.getByTestId('twin-open').click();
    await expect(page.getByTestId('twin')).toHaveAttribute('data-state', 'ready');
    await host.stop();
    await page.reload();
    await expect(page.getByTestId('twin')).toHaveAttribute('data-state', 'ready');
    await page.getByTestId('twin-close').click();
    await ready(page);
    await expect(page.locator('h1')).toContainText('second version');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a download that breaks off is completed by the next visit', async ({ page }) => {
  const host = await Host.of(dist);
  host.broken = 'MODEL_CARD.md';
  await page.goto(host.url);
  await ready(page);
  await stored(page, 'failed');
  host.broken = null;
  await page.reload();
  await ready(page);
  await stored(page);
  await host.stop();
  await page.reload();
  await ready(page);
});
