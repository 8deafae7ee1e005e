/** The page without network: kept after one visit, updated as a whole, stored again after a broken download, removed on request. */
import { expect, test, type Page } from './test';
import { Build, dist, Switchable } from './host';
import { chances, listed, ready } from './page';

test.use({ serviceWorkers: 'allow' });

/** Waits until the page is kept, or says why not. */
async function stored(page: Page, state = 'kept'): Promise<void> {
  await page.locator('.about summary').click();
  await expect(page.getByTestId('offline')).toHaveAttribute('data-state', state, { timeout: 60_000 });
  await page.keyboard.press('Escape');
}

test('after one visit the page, its circuits and the tokenizer work without the server; what is kept can be removed', async ({ page }) => {
  const host = await Switchable.of(dist);
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
  const build = new Build();
  const host = await Switchable.of(build.folder);
  try {
    await page.goto(host.url);
    await ready(page);
    await stored(page);

    build.change('This is the second version.');
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
    build.remove();
  }
});

test('a download that breaks off is completed by the next visit', async ({ page }) => {
  const host = await Switchable.of(dist);
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
