import { expect, test } from './test';
import { open, ready, still } from './page';

/** Screenshots for review by eye. They are saved with the test results. */
const screens = [
  { name: 'desktop', width: 1280, height: 800 },
  { name: 'phone', width: 390, height: 844 },
  { name: 'narrow', width: 320, height: 640 },
  // 200 % zoom of 1280x800.
  { name: 'zoomed', width: 640, height: 400 },
];

for (const { name, width, height } of screens) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${name}, ${colorScheme}: nothing sticks out sideways, every control is inside`, async ({ browser }, info) => {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme });
      const page = await context.newPage();
      await page.goto('./');
      await ready(page);
      for (const step of ['opened', 'flipped', 'node', 'list'] as const) {
        if (step === 'flipped') await page.getByTestId('flip').click();
        if (step === 'node') await page.locator('[data-testid=graph] [data-node]').first().press('Enter');
        if (step === 'list') await page.locator('[data-view=list]').press('Enter');
        await ready(page);
        await still(page);
        await page.screenshot({ path: info.outputPath(`${name}-${colorScheme}-${step}.png`), fullPage: true });
        expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), step).toBeLessThanOrEqual(0);
        for (const id of ['prompt-a', 'prompt-b', 'p-target', 'p-alt', 'flip', 'mode-full', 'undo', 'reset', 'share', 'task-select']) {
          const box = (await page.getByTestId(id).boundingBox())!;
          expect(box.x, `${step}: ${id}`).toBeGreaterThanOrEqual(0);
          expect(box.x + box.width, `${step}: ${id}`).toBeLessThanOrEqual(width + 0.5);
          expect(box.width, `${step}: ${id}`).toBeGreaterThan(8);
        }
      }
      await context.close();
    });
  }
}

test('at 1280x800 the page needs no scrolling', async ({ page }) => {
  await open(page);
  expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0);
});

test('the sign of a weight can be read without colour', async ({ page }) => {
  await open(page);
  const styles = await page.locator('[data-testid=graph] path.edge[data-from]').evaluateAll((all) =>
    all.map((one) => ({ negative: one.classList.contains('neg'), dashed: getComputedStyle(one).strokeDasharray !== 'none' })));
  expect(styles.length).toBeGreaterThan(0);
  for (const { negative, dashed } of styles) expect(dashed).toBe(negative);
});

test('bars do not move slowly where motion is unwanted', async ({ browser }) => {
  const context = await browser.newContext({ reducedMotion: 'reduce' });
  const page = await context.newPage();
  await page.goto('./');
  await ready(page);
  expect(await page.locator('.fill').first().evaluate((one) => getComputedStyle(one).transitionDuration)).toBe('0s');
  await context.close();
});
