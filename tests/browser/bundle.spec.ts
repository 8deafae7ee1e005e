/** The page as one file: opened from the disk, without network. */
import { pathToFileURL } from 'node:url';
import { expect, test } from './test';
import { chances, listed, nodes, open, oneFile, ready, watch } from './page';

test('one file without network gives the numbers of the served page, to the last digit', async ({ page, browser }) => {
  const file = oneFile();
  test.skip(!file, 'ONE_FILE is not set: `cargo xtask test` writes the file');
  const other = listed().tasks[1]!;
  const read = async (of: typeof page) => ({ p: await chances(of), nodes: await nodes(of) });

  await open(page);
  const start = await read(page);
  await page.getByTestId('flip').click();
  const flipped = await read(page);
  await page.getByTestId('task-select').selectOption(other.name);
  await expect(page).toHaveURL(new RegExp(`task=${other.name}`));
  const switched = await read(page);
  await page.getByTestId('prompt-a').fill(`${other.presets[0]!.a.text} and`);
  const typed = await read(page);

  const alone = await (await browser.newContext({ offline: true, viewport: page.viewportSize() })).newPage();
  const seen = watch(alone);
  const requests: string[] = [];
  alone.on('request', (request) => requests.push(new URL(request.url()).protocol));
  await alone.goto(pathToFileURL(file!).href);
  await ready(alone);
  await expect(alone.getByTestId('status')).toHaveAttribute('data-placeholder', 'false');
  expect(await read(alone)).toEqual(start);
  await alone.getByTestId('flip').click();
  expect(await read(alone)).toEqual(flipped);
  await alone.getByTestId('task-select').selectOption(other.name);
  await expect(alone).toHaveURL(new RegExp(`task=${other.name}`));
  expect(await read(alone)).toEqual(switched);
  await alone.getByTestId('prompt-a').fill(`${other.presets[0]!.a.text} and`);
  expect(await read(alone)).toEqual(typed);
  await alone.goBack();
  expect(await read(alone)).toEqual(flipped);
  await alone.getByTestId('share').click();
  await expect(alone.getByTestId('share-link')).toHaveValue(/^#v=1&task=/);
  await expect(alone.getByTestId('share-hash')).toBeVisible();
  await expect(alone.getByTestId('embed')).toHaveCount(0);
  await alone.getByTestId('share-close').click();
  // Without its files, and with nothing to install.
  await expect(alone.getByTestId('twin-open')).toHaveCount(0);
  await alone.locator('.about summary').click();
  await expect(alone.getByTestId('offline')).toHaveAttribute('data-state', 'one-file');
  const [licence] = await Promise.all([alone.context().waitForEvent('page'), alone.locator('.about a[href$="LICENSE.txt"]').click()]);
  await expect(licence.locator('body')).toContainText('Apache License');

  expect(seen).toEqual({ messages: [], strangers: [] });
  expect(new Set(requests)).toEqual(new Set(['file:', 'blob:']));
});
