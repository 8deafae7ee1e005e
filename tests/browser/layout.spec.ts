/** The page at every width. */
import { expect, test, type Page } from './test';
import { nodes, open, ready, still } from './page';

const within = async (page: Page, selector: string, what: string) => {
  const outside = await page.locator(selector).evaluateAll((all) =>
    all.flatMap((one) => {
      const { left, right, width } = one.getBoundingClientRect();
      return width === 0 || (left >= -0.5 && right <= innerWidth + 0.5) ? [] : [`${one.tagName} ${one.getAttribute('class')}: ${left} to ${right}`];
    }));
  expect(outside, what).toEqual([]);
};

test('About, the headline, labels and links are within the screen at every width', async ({ page }) => {
  await open(page);
  await page.locator('.about summary').click();
  // 640x400 is 1280x800 at 200 % zoom.
  for (const [width, height] of [[320, 640], [390, 844], [480, 800], [640, 400], [701, 900], [768, 1024], [900, 800], [1024, 768], [1280, 800], [1440, 900], [1920, 1080]] as const) {
    await page.setViewportSize({ width, height });
    await still(page);
    await within(page, '.about .sheet, h1, .lbl, .links a, .flipb, .bars, .gcard', `${width}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), `${width}`).toBeLessThanOrEqual(0);
    const [head, prompt] = [(await page.locator('h1').boundingBox())!, (await page.locator('.edit').boundingBox())!];
    expect(head.y, `${width}: the headline's top`).toBeGreaterThanOrEqual(0);
    expect(head.y + head.height, `${width}: the headline's end`).toBeLessThanOrEqual(prompt.y + 1);
  }
});

test('Flip moves nothing', async ({ page }) => {
  await open(page);
  for (const [width, height] of [[1280, 800], [1440, 900], [1920, 1080]] as const) {
    await page.setViewportSize({ width, height });
    await still(page);
    const tops = () => page.locator('.edit, .next, .act, .page > .after, .gcard, aside.panel').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
    const before = await tops();
    await page.getByTestId('flip').click();
    await ready(page);
    await still(page);
    expect(await tops(), `${width}`).toEqual(before);
  }
});

test('at 1280x800 every drawn node has its number, and no text of the drawing touches anything', async ({ page }) => {
  await open(page);
  const drawn = await nodes(page);
  // A note of the mode and a notice take height from the drawing.
  for (const mode of ['circuit', 'removed', 'full']) {
    await page.getByTestId(`mode-${mode}`).click();
    if (mode === 'full') await page.getByTestId('prompt-a').fill('print("é');
    await ready(page);
    await still(page);
    expect(await page.locator('[data-testid=graph] [data-node] .val').count(), mode).toBe(drawn.length);
  }
  // On the crowded lanes of this task no text touches a node or another text.
  await page.getByTestId('task-select').selectOption('if_equals');
  await ready(page);
  for (const [width, height] of [[1280, 800], [1440, 900], [768, 1024]] as const) {
    await page.setViewportSize({ width, height });
    await still(page);
    expect(await page.evaluate(touching), `${width}`).toEqual([]);
  }
});

/** The texts of the drawing that overlap a node or another text. */
function touching(): string[] {
  const box = (one: Element) => one.getBoundingClientRect();
  const meet = (one: DOMRect, two: DOMRect) => Math.min(one.right, two.right) - Math.max(one.left, two.left) > 1 && Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top) > 1;
  const texts = [...document.querySelectorAll('svg.graph text')].filter((one) => one.textContent !== '' && !one.classList.contains('pbt')).map((one) => {
    // A box has room for the longest letters, above and below.
    const { x, y, width, height } = box(one);
    return { one, words: one.textContent, at: new DOMRect(x, y + height * 0.2, width, height * 0.6) };
  });
  const shapes = [...document.querySelectorAll('svg.graph .no')];
  return texts.flatMap(({ one, words, at }, index) => [
    ...shapes.filter((shape) => shape.parentElement !== one.parentElement && meet(at, box(shape))).map((shape) => `${words} and ${(shape.parentElement as Element).getAttribute('data-node')}`),
    ...texts.slice(index + 1).filter((other) => meet(at, other.at)).map((other) => `${words} and ${other.words}`),
  ]);
}

test('at 1920 the drawing and the type grow', async ({ page }) => {
  await open(page);
  const heights = async () => ({
    value: (await page.locator('[data-testid=graph] .val').first().boundingBox())!.height,
    type: (await page.locator('h1').boundingBox())!.height,
    page: (await page.locator('main').boundingBox())!.width,
  });
  const small = await heights();
  await page.setViewportSize({ width: 1920, height: 1080 });
  await still(page);
  const large = await heights();
  for (const key of ['value', 'type'] as const) expect(large[key] / small[key], key).toBeGreaterThan(1.25);
  expect(large.page).toBeGreaterThan(1600);
  // The tip of a word is under it, in zoomed lengths too.
  await page.locator('.top5 .term').focus();
  const [word, tip] = [(await page.locator('.top5 .term').boundingBox())!, (await page.getByTestId('term-tip').boundingBox())!];
  expect(Math.abs(tip.x + tip.width / 2 - (word.x + word.width / 2))).toBeLessThan(2);
  expect(tip.y - (word.y + word.height)).toBeLessThan(20);
  expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0);
});

test('on a phone Flip moves nothing, the bars stay in view above the panel, and its buttons are whole', async ({ browser }) => {
  for (const [width, height] of [[390, 844], [320, 640]] as const) {
    const context = await browser.newContext({ viewport: { width, height }, hasTouch: true });
    const page = await context.newPage();
    await page.goto('./');
    await ready(page);
    if (width === 390) {
      // Flip moves nothing, and neither does its control, which comes later.
      const tops = () => page.locator('.summary, .gcard').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top + scrollY));
      const before = await tops();
      await page.getByTestId('flip').click();
      await expect(page.locator('#flip-hint[data-control]')).toBeVisible();
      await still(page);
      expect(await tops()).toEqual(before);
      await page.getByTestId('flip').click();
      await ready(page);
    }
    await page.locator('[data-testid=graph] [data-node]').last().press('Enter');
    await ready(page);
    await page.getByTestId('node-off').click();
    await ready(page);
    await still(page);
    const panel = (await page.getByTestId('node-panel').boundingBox())!;
    for (const name of ['p-target', 'p-alt']) {
      const box = (await page.getByTestId(name).boundingBox())!;
      expect(box.y, name).toBeGreaterThanOrEqual(0);
      expect(box.y + box.height, name).toBeLessThanOrEqual(panel.y);
    }
    for (const name of ['node-off', 'node-set', 'node-scale', 'node-patch']) {
      const box = (await page.getByTestId(name).boundingBox())!;
      expect(box.height, name).toBeGreaterThanOrEqual(44);
      expect(box.y + box.height, name).toBeLessThanOrEqual(height);
    }
    await context.close();
  }
});

test('in print the bars are filled and the drawing fits', async ({ page }) => {
  await open(page);
  await page.setViewportSize({ width: 794, height: 1123 });
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  expect(await page.locator('.win .fill').evaluate((one) => getComputedStyle(one).printColorAdjust)).toBe('exact');
  // Dark ink on white paper.
  expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)');
  await within(page, 'svg.graph, .bars, .panel', 'print');
});

test('the links lead to files that are published, and to the paper', async ({ page }) => {
  await open(page);
  const links = await page.locator('footer .links a').evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));
  expect(links.filter((link) => link.startsWith('https://arxiv.org/abs/'))).toHaveLength(1);
  const own = links.filter((link) => new URL(link).host === new URL(page.url()).host);
  expect(own.length).toBeGreaterThanOrEqual(3);
  for (const link of own) expect((await page.request.get(link)).status(), link).toBe(200);
});

/** Sizes on the screen: the drawing, and the smallest type in it and in its key. */
const drawn = (page: Page) => page.evaluate(() => {
  const box = document.querySelector('svg.graph')!.getBoundingClientRect();
  const types = [...document.querySelectorAll<HTMLElement | SVGElement>('svg.graph text, .legend span')].map((one) =>
    parseFloat(getComputedStyle(one).fontSize) * ((one as { currentCSSZoom?: number }).currentCSSZoom ?? 1));
  return { width: box.width, height: box.height, type: Math.min(...types) };
});

for (const api of [true, false]) {
  test(`present mode ${api ? '' : 'without the browser\'s full screen '}grows the drawing and its type, and Escape leaves it`, async ({ page }) => {
    if (!api) await page.addInitScript(() => Object.defineProperty(document, 'fullscreenEnabled', { value: false }));
    await page.setViewportSize({ width: 1920, height: 1080 });
    await open(page);
    const before = await drawn(page);
    expect(before.type).toBeGreaterThanOrEqual(12);
    await page.getByTestId('present').click();
    await expect(page.getByTestId('presentation')).toBeVisible();
    await still(page);
    expect(await page.evaluate(() => document.fullscreenElement !== null)).toBe(api);
    const large = await drawn(page);
    expect(large.width).toBeGreaterThan(before.width * 1.08);
    expect(large.height).toBeGreaterThan(before.height * 1.08);
    expect(large.type).toBeGreaterThanOrEqual(16);
    // Everything is on the screen.
    expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0);
    await within(page, 'header, .bars, .big aside, .big .gw, .big footer .keyb', 'present mode');
    await page.keyboard.press('f');
    await ready(page);
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('presentation')).toHaveCount(0);
    await still(page);
    expect(await page.evaluate(() => document.fullscreenElement)).toBeNull();
    const after = await drawn(page);
    expect([after.width, after.height]).toEqual([before.width, before.height]);
    // Only present mode ended: the flip stays, and the panel is open again.
    await expect(page.getByTestId('flip')).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByTestId('node-panel')).toBeVisible();
  });
}

test('the key is whole, the buttons of the drawing and of the footer share a line, and prompt B stays in its box at every width', async ({ page }) => {
  await open(page);
  for (const [width, height] of [[1280, 800], [901, 800], [820, 900], [768, 1024], [761, 900], [701, 900], [390, 844], [320, 640]] as const) {
    await page.setViewportSize({ width, height });
    await still(page);
    expect(await page.evaluate(() => {
      const rect = (one: Element) => one.getBoundingClientRect();
      const all = (selector: string) => [...document.querySelectorAll(selector)].map(rect).filter((one) => one.width > 0);
      const key = rect(document.querySelector('.legend')!);
      const lines = (rows: DOMRect[]) => new Set(rows.map((one) => Math.round((one.top + one.bottom) / 2))).size;
      const box = rect(document.querySelector('.second .code')!);
      const mark = rect(document.querySelector('.second .sel')!);
      return {
        cut: all('.legend span').filter((one) => one.bottom > key.bottom + 1 || one.right > key.right + 1).length,
        // On a phone the three modes have a line of their own.
        tools: innerWidth > 760 ? lines(all('.bar2 > *')) : 1,
        actions: lines(all('footer .quiet[data-testid]')),
        second: mark.top >= box.top - 1 && mark.bottom <= box.bottom + 1,
        top: rect(document.querySelector('h1')!).top >= 4,
      };
    }), `${width}`).toEqual({ cut: 0, tools: 1, actions: 1, second: true, top: true });
  }
});
