import { expect, test } from './test';
import { listed, modelFile, open, ready, watch } from './page';

const broken: [string, (bytes: Buffer) => Buffer][] = [
  ['truncated', (bytes) => bytes.subarray(0, bytes.length >> 1)],
  ['overwritten at its start', (bytes) => Buffer.concat([Buffer.alloc(64, 0xff), bytes.subarray(64)])],
  ['of zeros', (bytes) => Buffer.alloc(bytes.length)],
  ['longer than it should be', (bytes) => Buffer.concat([bytes, Buffer.alloc(100)])],
];

for (const [what, spoil] of broken) {
  test(`a model file that is ${what} gives a clear error and the screen stays`, async ({ page }) => {
    const model = listed();
    await page.route(`**/models/${model.file}`, (route) => route.fulfill({ body: spoil(modelFile(model.file)) }));
    await page.goto('./');
    await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'error');
    await expect(page.getByTestId('error')).toContainText(model.file);
    await expect(page.getByTestId('prompt-a')).toHaveValue(model.tasks[0]!.presets[0]!.a.text);
    await page.getByTestId('prompt-a').fill('typed all the same');
    await expect(page.getByTestId('prompt-a')).toHaveValue('typed all the same');
    await expect(page.getByTestId('task-select')).toBeVisible();
  });
}

test('a model file that is not there gives a clear error', async ({ page }) => {
  await page.route(`**/models/${listed().file}`, (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto('./');
  await expect(page.getByTestId('error').locator('[data-notice=failure]')).toContainText('404');
});

test('one progress bar that only grows and ends at its end', async ({ page }) => {
  await page.addInitScript(() => {
    const seen: number[][] = [];
    (window as unknown as { seen: number[][] }).seen = seen;
    new MutationObserver(() => {
      const bar = document.querySelector('[role=progressbar]');
      if (bar) seen.push([Number(bar.getAttribute('aria-valuenow')), Number(bar.getAttribute('aria-valuemax'))]);
    }).observe(document, { subtree: true, childList: true, attributes: true });
  });
  await open(page);
  const seen = await page.evaluate(() => (window as unknown as { seen: number[][] }).seen);
  for (let index = 1; index < seen.length; index++) expect(seen[index]![0]).toBeGreaterThanOrEqual(seen[index - 1]![0]!);
  for (const [now, most] of seen) expect(now).toBeLessThanOrEqual(most!);
  await expect(page.locator('[role=progressbar]')).toHaveCount(0);
});

test('before the engine is there the screen shows precomputed numbers and says so', async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  await page.route(`**/models/${listed().file}`, async (route) => {
    await held;
    await route.continue();
  });
  const seen = watch(page);
  await page.goto('./');
  await expect(page.getByTestId('status')).toHaveAttribute('data-placeholder', 'true');
  await expect(page.getByTestId('status')).toBeVisible();
  await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'loading');
  const precomputed = await page.getByTestId('p-target').getAttribute('data-value');
  await expect(page.getByTestId('flip')).toBeDisabled();
  release();
  await ready(page);
  await expect(page.getByTestId('status')).toHaveAttribute('data-placeholder', 'false');
  const live = await page.getByTestId('p-target').getAttribute('data-value');
  expect(Math.abs(Number(live) - Number(precomputed))).toBeLessThan(1e-4);
  expect(seen.strangers).toEqual([]);
});

test('what is typed while the model loads is kept and answered', async ({ page }) => {
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  await page.route(`**/models/${listed().file}`, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto('./');
  await page.getByTestId('prompt-a').fill('print("early bird');
  release();
  await ready(page);
  await expect(page.getByTestId('prompt-a')).toHaveValue('print("early bird');
  expect(decodeURIComponent(new URL(page.url()).hash)).toContain('early bird');
});

test('a tokenizer that does not come leaves the examples running', async ({ page, context }) => {
  await context.route(/tokenizer.*\.wasm$/, (route) => route.abort());
  await open(page);
  await page.getByTestId('prompt-a').fill('print("a text of my own');
  await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'error');
  await expect(page.getByTestId('error').locator('[data-notice=failure]')).toContainText('tokenizer');
  await page.getByTestId('prompt-a').fill(listed().tasks[0]!.presets[0]!.a.text);
  await ready(page);
  await expect(page.getByTestId('error')).toHaveCount(0);
});
