import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';

/** Most tests need the shipped models; before they are built there is only the page to open. */
const models = existsSync(join(__dirname, '../../models/manifest.json'));

test('the page opens without a word in the console', async ({ page }) => {
  test.skip(!models, 'models/ holds no manifest');
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto('./');
  await expect(page).toHaveTitle(/Sparse circuits/);
  await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'ready');
  expect(said).toEqual([]);
});

test('the page says what is wrong when there are no models', async ({ page }) => {
  await page.route('**/models/manifest.json', (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto('./');
  await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'error');
  await expect(page.getByTestId('error')).toContainText('manifest.json could not be loaded');
});
