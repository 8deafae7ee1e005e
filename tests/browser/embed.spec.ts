/** Circuits in other people's pages: the demo article on a host of its own, and a frame without an origin. */
import { expect, test, type Page } from './test';
import { publishArticle, type Article } from './article';
import { blockStorage, chances, open, ready, watch } from './page';

interface Told {
  id: string;
  type: string;
  detail: { candidates: [string, string]; p: [number, number]; mode: string; flip: boolean; state: string } | null;
}

let article: Article;
let [at, from] = ['', ''];

test.beforeAll(async () => {
  article = await publishArticle();
  ({ at, from } = article);
});

test.afterAll(() => article.close());

/** The element's height, its frame's and the content's, in CSS pixels; null without a frame. */
async function heights(page: Page, id: string): Promise<{ element: number; frame: number; content: number; wide: number } | null> {
  const frame = page.locator(`#${id} iframe`);
  if ((await frame.count()) === 0) return null;
  const element = await page.locator(`#${id}`).evaluate((one) => one.getBoundingClientRect().height);
  const inside = await frame.contentFrame().locator('html').evaluate((root) => ({ frame: innerHeight, content: root.scrollHeight, wide: root.scrollWidth - innerWidth }));
  return { element, ...inside };
}

const scrollTo = (page: Page, id: string) => page.locator(`#${id}`).evaluate((one) => one.scrollIntoView({ block: 'center' }));

test('in an article of another origin, with storage blocked, two elements and a frame live, and those far away do not', async ({ browser }) => {
  test.setTimeout(120_000);
  const context = await browser.newContext({ viewport: { width: 1280, height: 500 } });
  await blockStorage(context);
  const page = await context.newPage();
  const { messages } = watch(page);
  await page.addInitScript(() => {
    const told: Told[] = ((window as unknown as { told: Told[] }).told = []);
    for (const type of ['ready', 'change']) addEventListener(type, (event) => told.push({ type, id: (event.target as Element).id, detail: (event as CustomEvent).detail ?? null }), true);
  });
  const told = () => page.evaluate(() => (window as unknown as { told: Told[] }).told);
  await page.goto(`${at}/demo.html`);
  const first = page.locator('#first iframe').contentFrame();
  const second = page.locator('#second iframe').contentFrame();

  // Far below: a picture of the circuit, and no frame.
  await expect.poll(() => page.locator('#second img').evaluate((one: HTMLImageElement) => one.naturalWidth)).toBeGreaterThan(0);
  await expect(page.locator('#second iframe')).toHaveCount(0);

  await scrollTo(page, 'first');
  const start = await chances(first);
  await expect.poll(() => heights(page, 'first').then((all) => all && [all.element - all.content, all.frame - all.content, all.wide])).toEqual([0, 0, 0]);
  expect((await heights(page, 'first'))!.element).toBeGreaterThan(400);
  await first.getByTestId('flip').click();
  await expect(first.getByTestId('flip')).toHaveAttribute('aria-pressed', 'true');
  const flipped = await chances(first);
  expect(flipped[0] > 0.5).not.toBe(start[0] > 0.5);
  await expect.poll(told).toHaveLength(3);
  expect((await told()).map(({ id, type, detail }) => [id, type, detail?.p, detail?.flip, detail?.mode, detail?.candidates])).toEqual([
    ['first', 'ready', undefined, undefined, undefined, undefined],
    ['first', 'change', start, false, 'full', ["')", '")']],
    ['first', 'change', flipped, true, 'full', ["')", '")']],
  ]);

  // Styles stay on their side.
  const fonts = { article: await page.locator('h1').evaluate((one) => getComputedStyle(one).fontSize), circuit: await first.locator('h1').evaluate((one) => getComputedStyle(one).fontSize) };
  expect(fonts).toEqual({ article: '36px', circuit: '12.5px' });
  await expect(first.getByTestId('prompt-a')).toBeVisible();
  // Only the frame can set the height.
  const before = (await heights(page, 'first'))!.element;
  await page.evaluate(() => postMessage({ source: 'sparse-circuit', type: 'height', height: 3000 }, '*'));

  await scrollTo(page, 'frame');
  const plain = page.locator('#frame').contentFrame();
  await ready(plain);
  await expect(plain.getByTestId('flip')).toHaveAttribute('aria-pressed', 'true');
  expect(await chances(plain)).toEqual(flipped);
  expect(await plain.locator('html').evaluate((root) => [root.scrollHeight - innerHeight, root.scrollWidth - innerWidth])).toEqual([0, 0]);

  await scrollTo(page, 'second');
  await ready(second);
  await expect(second.getByTestId('who')).toHaveAttribute('data-mode', 'circuit');
  await expect(page.locator('#first iframe')).toHaveCount(0);
  // The plain frame and the second element.
  await expect.poll(() => page.workers().length).toBe(2);
  expect(await page.locator('#first').evaluate((one) => one.getBoundingClientRect().height)).toBe(before);

  // Back again, with what the reader has done. The module may be loaded twice.
  await page.evaluate((url) => {
    const script = document.createElement('script');
    script.type = 'module';
    script.src = url;
    document.head.append(script);
  }, `${from}/some%20where/embed.js?again`);
  await scrollTo(page, 'first');
  expect(await chances(first)).toEqual(flipped);
  // Attributes win over what the reader has done.
  await page.locator('#first').evaluate((one) => one.setAttribute('mode', 'removed'));
  await expect(first.getByTestId('who')).toHaveAttribute('data-mode', 'removed');
  await expect(first.getByTestId('flip')).toHaveAttribute('aria-pressed', 'false');
  expect(messages).toEqual([]);
  await context.close();
});

test('a frame with sandbox="allow-scripts" has no origin, and runs', async ({ page }) => {
  const { messages } = watch(page);
  await page.goto(`${at}/closed.html`);
  const frame = page.locator('#closed').contentFrame();
  const start = await chances(frame);
  await frame.getByTestId('flip').click();
  await expect(frame.getByTestId('flip')).toHaveAttribute('aria-pressed', 'true');
  expect((await chances(frame))[0] > 0.5).not.toBe(start[0] > 0.5);
  // Needs the tokenizer, which the worker imports.
  await frame.getByTestId('prompt-a').fill('print("a text of my own');
  expect(await chances(frame)).not.toEqual(start);
  expect(messages).toEqual([]);
});

test('Share copies the link, and offers HTML for other pages with a live preview', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  const { messages } = watch(page);
  await open(page);
  await page.getByTestId('flip').click();
  const numbers = await chances(page);
  await page.getByTestId('share').click();
  const link = await page.getByTestId('share-link').inputValue();
  expect(link).toBe(page.url());
  await expect.poll(clipboard).toBe(link);

  await page.getByTestId('embed').click();
  const preview = page.getByTestId('embed-preview').contentFrame();
  expect(await chances(preview)).toEqual(numbers);
  await expect.poll(() => preview.locator('html').evaluate((root) => root.scrollHeight - innerHeight)).toBe(0);
  for (const name of ['embed-code', 'embed-frame']) {
    await page.locator('.field', { has: page.getByTestId(name) }).getByRole('button').click();
    await expect.poll(clipboard).toBe(await page.getByTestId(name).inputValue());
  }
  // The snippets work as they are.
  const [element, frame] = [await page.getByTestId('embed-code').inputValue(), await page.getByTestId('embed-frame').inputValue()];
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('share-link')).toHaveCount(0);
  await expect(page.getByTestId('share')).toBeFocused();
  expect(messages).toEqual([]);
  await context.route('**/article', (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html>${element}${frame}` }));
  await page.goto('./article');
  for (const one of [page.locator('sparse-circuit iframe'), page.locator('body > iframe')]) {
    await one.scrollIntoViewIfNeeded();
    expect(await chances(one.contentFrame())).toEqual(numbers);
  }
});

test('where nothing can be copied, the link is selected in a field', async ({ page }) => {
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await open(page);
  await page.getByTestId('share').click();
  await expect(page.getByTestId('share-status')).not.toBeEmpty();
  expect(await page.getByTestId('share-link').evaluate((one: HTMLInputElement) => [document.activeElement === one, one.value.slice(one.selectionStart!, one.selectionEnd!)])).toEqual([true, page.url()]);
});
