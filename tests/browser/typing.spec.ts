import { expect, test } from './test';
import { chances, open, ready } from './page';

test('the page is busy from the input event on, and ready when the numbers belong to the text', async ({ page }) => {
  await open(page);
  const states = await page.getByTestId('prompt-a').evaluate(async (element) => {
    const area = element as HTMLTextAreaElement;
    const state = () => document.querySelector('[data-testid=status]')!.getAttribute('data-state')!;
    area.value = 'print("other words';
    area.dispatchEvent(new Event('input', { bubbles: true }));
    await Promise.resolve();
    await new Promise((done) => queueMicrotask(() => done(null)));
    const at = state();
    while (state() !== 'ready') await new Promise((done) => setTimeout(done, 5));
    return [at, state()];
  });
  expect(states).toEqual(['busy', 'ready']);
});

test('fast typing drops no character and leaves no stale bar', { tag: '@any-backend' }, async ({ page }) => {
  const text = 'values = [1, 2]\nprint("a fast typist writes this';
  await open(page);
  await page.getByTestId('prompt-a').fill('');
  await page.getByTestId('prompt-a').pressSequentially(text, { delay: 0 });
  await expect(page.getByTestId('prompt-a')).toHaveValue(text);
  const typed = await chances(page);
  await open(page, `#v=1&a=${encodeURIComponent(text)}`);
  expect(await chances(page)).toEqual(typed);
});

test('an answer that comes late never overwrites a newer one', async ({ page }) => {
  await open(page);
  const area = page.getByTestId('prompt-a');
  for (const text of ['print("one', "print('two", 'print("three', "print('four"]) await area.fill(text);
  const last = await chances(page);
  await page.waitForTimeout(300);
  expect(await chances(page)).toEqual(last);
  await open(page, `#v=1&a=${encodeURIComponent("print('four")}`);
  expect(await chances(page)).toEqual(last);
});

test('typing changes the numbers, and prompt B follows by rule until it is edited', async ({ page }) => {
  await open(page, '#v=1&task=single_double_quote');
  await page.getByTestId('prompt-a').fill('print("abc');
  const double = await chances(page);
  await expect(page.getByTestId('prompt-b')).toHaveValue("print('abc");
  await page.getByTestId('prompt-a').fill("print('abc");
  const single = await chances(page);
  expect(double[0]).not.toBe(single[0]);
  await page.getByTestId('prompt-b').fill('print("xyz');
  await ready(page);
  await page.getByTestId('prompt-a').fill("print('abcd");
  await ready(page);
  await expect(page.getByTestId('prompt-b')).toHaveValue('print("xyz');
});

test('without prompt B a flip rests, and nothing on the screen says that it acts', { tag: '@any-backend' }, async ({ page }) => {
  await open(page);
  const panel = page.getByTestId('node-panel');
  const change = panel.locator('[data-change]');
  const summary = page.getByTestId('summary');
  await page.getByTestId('flip').click();
  await ready(page);
  await expect(change).toHaveAttribute('data-flipped', 'true');
  await expect(summary).toHaveAttribute('data-kind', 'flip');
  const flipped = await chances(page);
  await page.getByTestId('prompt-b').fill('');
  expect(await chances(page)).not.toEqual(flipped);
  await expect(change).toHaveAttribute('data-change', 'none');
  await expect(change).toHaveAttribute('data-flipped', 'false');
  await expect(change).toHaveAttribute('data-patch', 'false');
  await expect(page.locator('.legend')).toBeVisible();
  await expect(page.locator('.legend [data-mark=patch]')).toHaveCount(0);
  await expect(summary).toHaveAttribute('data-kind', 'expects');
  await page.getByTestId('mode-removed').click();
  await ready(page);
  await expect(change).toHaveAttribute('data-held', 'true');
});

test('paste is plain text, line breaks and tabs kept', { tag: '@any-backend' }, async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page);
  await page.evaluate(() =>
    navigator.clipboard.write([new ClipboardItem({
      'text/html': new Blob(['<b>if x:</b><br>\tprint(&quot;hi'], { type: 'text/html' }),
      'text/plain': new Blob(['if x:\n\tprint("hi'], { type: 'text/plain' }),
    })]));
  await page.getByTestId('prompt-a').focus();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('ControlOrMeta+V');
  await expect(page.getByTestId('prompt-a')).toHaveValue('if x:\n\tprint("hi');
  await ready(page);
});
