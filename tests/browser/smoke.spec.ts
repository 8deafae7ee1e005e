import { expect, test } from '@playwright/test';

test('the page opens without a word in the console', async ({ page }) => {
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto('./');
  await expect(page).toHaveTitle(/sparse-circuits/);
  expect(said).toEqual([]);
});
