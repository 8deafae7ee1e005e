import { expect, test } from './test';

test('the page says what is wrong when there are no models', async ({ page }) => {
  await page.route('**/models/manifest.json', (route) => route.fulfill({ status: 404, body: '' }));
  await page.goto('./');
  await expect(page).toHaveTitle(/Sparse circuits/);
  await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'error');
  await expect(page.getByTestId('error').locator('[data-notice=failure]')).toContainText('manifest.json');
});

test('the page says what is wrong with a manifest that is none', async ({ page }) => {
  await page.route('**/models/manifest.json', (route) => route.fulfill({ json: { version: 7, models: [] } }));
  await page.goto('./');
  await expect(page.getByTestId('error').locator('[data-notice=failure]')).toContainText('7');
});
