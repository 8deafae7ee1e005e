import { expect, test, type Page } from './test';
import { chances, open, ready } from './page';

/** Presses Tab until the element with this test id has the focus. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let press = 0; press < 60; press++) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never reaches ${selector}`);
}

test('the whole story without a mouse', async ({ page }) => {
  await open(page);
  const start = await chances(page);
  await tabTo(page, '[data-testid=flip]');
  await page.keyboard.press('Enter');
  const flipped = await chances(page);
  expect(flipped[0]).not.toBe(start[0]);

  await tabTo(page, '[data-testid=graph] [data-node]');
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-node') ?? null);
  const first = await focused();
  let other = first;
  for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowDown', 'ArrowUp']) {
    await page.keyboard.press(key);
    other = await focused();
    if (other !== first) break;
  }
  expect(other).not.toBe(first);
  // The focus can be seen.
  expect(await page.evaluate(() => getComputedStyle(document.activeElement!.querySelector('.hit')!).strokeWidth)).toBe('2px');
  await page.keyboard.press('Enter');
  await ready(page);
  await expect(page.getByTestId('node-panel')).toContainText(other!);

  await tabTo(page, '[data-testid=node-off]');
  await page.keyboard.press('Space');
  const off = await chances(page);
  await expect(page.locator(`[data-node="${other}"]`)).toHaveAttribute('data-on', 'false');
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('node-panel')).toHaveCount(0);
  await page.waitForFunction((node) => document.activeElement?.getAttribute('data-node') === node, other);
  await page.keyboard.press('ControlOrMeta+z');
  await ready(page);
  await page.keyboard.press('ControlOrMeta+z');
  expect(await chances(page)).toEqual(start);
  expect(off).toBeDefined();
});

test('the modes, the list and undo can be reached and pressed', async ({ page }) => {
  await open(page);
  for (const selector of ['[data-testid=mode-removed]', '[data-testid=share]', '[data-testid=task-select]']) await tabTo(page, selector);
  await tabTo(page, '[data-testid=mode-full]');
  await page.keyboard.press('Enter');
  await ready(page);
  await expect(page.getByTestId('mode-full')).toHaveAttribute('aria-pressed', 'true');
  await page.locator('[data-view=list]').press('Enter');
  await tabTo(page, '[data-testid=node-list] [data-node]');
  await page.keyboard.press('Enter');
  await ready(page);
  await expect(page.getByTestId('node-panel')).toBeVisible();
});

test('a screen reader hears the two chances once a change', async ({ page }) => {
  await open(page);
  await page.evaluate(() => {
    const heard: string[] = [];
    (window as unknown as { heard: string[] }).heard = heard;
    const live = document.querySelector('[aria-live=polite]')!;
    new MutationObserver(() => heard.push(live.textContent!)).observe(live, { childList: true, characterData: true, subtree: true });
  });
  await page.waitForTimeout(1000);
  const announced = () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
  const before = (await announced()).length;
  await page.getByTestId('flip').click();
  await ready(page);
  await expect.poll(async () => (await announced()).length).toBe(before + 1);
  await page.waitForTimeout(1000);
  expect((await announced()).length).toBe(before + 1);
  expect((await announced()).at(-1)).toMatch(/%.*%/);
});

test('the tokens are one tab stop, and Home and End lead to their ends and to those of the drawing', async ({ page }) => {
  await open(page);
  const chips = page.locator('.at');
  const last = (await chips.count()) - 1;
  await expect(page.locator('.at[tabindex="0"]')).toHaveCount(1);
  await page.locator('.at[tabindex="0"]').focus();
  await page.keyboard.press('Home');
  await expect(chips.nth(0)).toBeFocused();
  await page.keyboard.press('ArrowRight');
  await expect(chips.nth(1)).toBeFocused();
  await page.keyboard.press('Enter');
  await ready(page);
  await expect(chips.nth(1)).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('End');
  await expect(chips.nth(last)).toBeFocused();

  const nodes = page.locator('[data-testid=graph] [data-node]');
  await page.locator('[data-testid=graph] [data-node][tabindex="0"]').focus();
  await page.keyboard.press('Home');
  await expect(nodes.first()).toBeFocused();
  await page.keyboard.press('End');
  await expect(nodes.last()).toBeFocused();
});
