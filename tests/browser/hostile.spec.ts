/** Surroundings that are not as the page expects them: strict policies, wrong types, no storage, forced colours, page translators. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test, type BrowserContext, type Page } from './test';
import { blockStorage, chances, listed, nodes, open, ready, still, watch } from './page';

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; worker-src 'self'; "
  + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Both bars as drawn: the share of the track that is filled. */
async function drawn(page: Page): Promise<number[]> {
  await still(page);
  return page.locator('[data-testid=p-target], [data-testid=p-alt]').evaluateAll((tracks) => tracks.map((track) => {
    const [box, fill] = [track.getBoundingClientRect(), track.querySelector('.fill')!.getBoundingClientRect()];
    return (fill.right - box.left) / box.width;
  }));
}

async function withHeaders(context: BrowserContext, change: (path: string, headers: Record<string, string>) => Record<string, string>): Promise<void> {
  await context.route('**/*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: change(new URL(route.request().url()).pathname, response.headers()) });
  });
}

test('under a strict Content-Security-Policy the bars and the graph are right', async ({ page, context }) => {
  await withHeaders(context, (_, headers) => ({ ...headers, 'content-security-policy': POLICY }));
  const seen = watch(page);
  await open(page);
  for (const step of ['opened', 'flipped', 'twin']) {
    if (step === 'flipped') await page.getByTestId('flip').click();
    if (step === 'twin') {
      await page.getByTestId('twin-open').click();
      await expect(page.getByTestId('twin')).toHaveAttribute('data-state', 'ready');
    }
    const p = await chances(page);
    const bars = await drawn(page);
    for (const side of [0, 1]) expect(bars[side], step).toBeCloseTo(p[side]!, 1);
  }
  await page.locator('[data-testid=graph] [data-node]').first().press('Enter');
  await ready(page);
  await expect(page.getByTestId('node-panel')).toBeVisible();
  expect(seen).toEqual({ messages: [], strangers: [] });
});

test('wasm that is served with a wrong type runs all the same', async ({ page, context }) => {
  await withHeaders(context, (path, headers) => (path.endsWith('.wasm') ? { ...headers, 'content-type': 'text/plain' } : headers));
  await open(page);
  const before = await chances(page);
  // Needs the tokenizer, which is wasm too.
  await page.getByTestId('prompt-a').fill('print("a text of my own');
  expect(await chances(page)).not.toEqual(before);
});

for (const [what, wrong] of [['the page', /index-.*\.js$/], ['the worker', /worker-.*\.js$/]] as const) {
  test(`scripts of ${what} with a wrong type: within 5 seconds the page says what to do`, async ({ page, context }) => {
    await withHeaders(context, (path, headers) => (wrong.test(path) ? { ...headers, 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' } : headers));
    await page.goto('./');
    const sentence = what === 'the page' ? page.locator('[data-when=script]') : page.locator('[data-notice=failure]');
    await expect(sentence).toBeVisible({ timeout: 5000 });
    await expect(sentence).toContainText('text/javascript');
  });
}

test('opened as a file, the page says what to do', async ({ page }) => {
  await page.goto(pathToFileURL(join(__dirname, '../../www/dist/index.html')).href);
  await expect(page.locator('[data-when=file]')).toBeVisible({ timeout: 5000 });
  await expect(page.locator('[data-when=loading]')).toBeHidden();
});

test('with storage blocked the page runs, and the theme changes', async ({ page }) => {
  await blockStorage(page.context());
  const seen = watch(page);
  await open(page);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  await page.locator('header button').last().click();
  expect(await background()).not.toBe(before);
  await page.getByTestId('flip').click();
  await ready(page);
  expect(seen).toEqual({ messages: [], strangers: [] });
});

test('in forced colours the filled part of a bar differs from its track, and Flip can be read', async ({ browser }) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ forcedColors: 'active', colorScheme });
    const page = await context.newPage();
    await page.goto('./');
    await ready(page);
    await still(page);
    const [left] = await chances(page);
    const winner = page.getByTestId(left > 0.5 ? 'p-target' : 'p-alt');
    const other = page.getByTestId(left > 0.5 ? 'p-alt' : 'p-target');
    const [[full], [empty]] = [await colours(page, await winner.screenshot(), [0.5]), await colours(page, await other.screenshot(), [0.5])];
    expect(full, colorScheme).not.toEqual(empty);
    // The letters of the label, and between them the colour of the button.
    const [fill, ...label] = await colours(page, await page.getByTestId('flip').screenshot(), [0.1, ...Array.from({ length: 60 }, (_, index) => 0.45 + index / 600)]);
    const background = label.filter((one) => one.join() === fill!.join()).length;
    expect(background, colorScheme).toBeGreaterThan(5);
    expect(background, colorScheme).toBeLessThan(60);
    await context.close();
  }
});

/** The colours of a picture in its middle row, at these shares of its width. */
function colours(page: Page, png: Buffer, at: number[]): Promise<number[][]> {
  return page.evaluate(async ([base64, shares]) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext('2d')!;
    context.drawImage(image, 0, 0);
    return shares.map((share) => [...context.getImageData(Math.floor(image.width * share), image.height >> 1, 1, 1).data]);
  }, [png.toString('base64'), at] as const);
}

/** Does to every text outside `translate="no"` what page translators do: each text node becomes a `<font>` element. */
const translate = (page: Page) =>
  page.evaluate(() => {
    const walker = document.createTreeWalker(document.querySelector('sc-page')!, NodeFilter.SHOW_TEXT);
    const texts: Text[] = [];
    while (walker.nextNode()) texts.push(walker.currentNode as Text);
    for (const text of texts) {
      const parent = text.parentElement!;
      if (text.data.trim() === '' || parent.closest('[translate=no], svg, option, textarea') || parent.closest('font')) continue;
      const [outer, inner] = [document.createElement('font'), document.createElement('font')];
      inner.textContent = text.data;
      outer.append(inner);
      text.replaceWith(outer);
    }
  });

test('a page translator leaves no old text on the screen', async ({ page, browser }) => {
  await open(page);
  const node = (await nodes(page)).at(-1)!.node;
  const steps: (() => Promise<void>)[] = [
    () => page.getByTestId('flip').click(),
    () => page.getByTestId('mode-removed').click(),
    () => page.getByTestId('flip').click(),
    () => page.locator(`[data-node="${node}"]`).click(),
    () => page.getByTestId('node-off').click(),
    async () => void (await page.getByTestId('task-select').selectOption(listed().tasks[1]!.name)),
  ];
  for (const step of steps) {
    await translate(page);
    await step();
    await ready(page);
  }
  // The same screen in a page that nobody translates. The sentence under the bars tells the last change, which a link does not.
  const fresh = await (await browser.newContext()).newPage();
  await fresh.goto(page.url());
  await ready(fresh);
  const texts = async (of: Page) => {
    await of.mouse.move(0, 0);
    await still(of);
    // Without the footer, which tells how long a run took.
    return of.locator('header, .top, .after, main').evaluateAll((all) => all.map((one) => (one as HTMLElement).innerText).join('\n'));
  };
  await expect.poll(() => texts(page)).toBe(await texts(fresh));
  await fresh.context().close();
});

test('every task can be opened without a connection once the first screen is live', async ({ page, context }) => {
  const circuits = new Set<string>();
  context.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.includes('/circuits/')) void response.finished().then(() => circuits.add(pathname));
  });
  await open(page);
  await expect.poll(() => circuits.size).toBe(listed().tasks.length);
  await context.setOffline(true);
  for (const task of listed().tasks) {
    await page.getByTestId('task-select').selectOption(task.name);
    await ready(page);
    await expect(page.getByTestId('error')).toHaveCount(0);
    await expect(page.getByTestId('p-target')).toHaveAttribute('data-token', task.candidates[0]);
    await page.getByTestId('flip').click();
    await ready(page);
  }
});

test('a task whose circuit does not come leaves the screen on the task before, with a sentence', async ({ page, context }) => {
  await context.route('**/circuits/*.json', async (route) => {
    if (route.request().url().includes(listed().tasks[0]!.name)) await route.continue();
    else await route.abort();
  });
  await open(page);
  const before = await chances(page);
  const missing = listed().tasks[1]!;
  await page.getByTestId('task-select').selectOption(missing.name);
  await expect(page.locator('[data-notice=task-lost]')).toBeVisible();
  await expect(page.getByTestId('task-select')).toHaveValue(listed().tasks[0]!.name);
  await expect(page.getByTestId('prompt-a')).toHaveValue(listed().tasks[0]!.presets[0]!.a.text);
  expect(await chances(page)).toEqual(before);
});
