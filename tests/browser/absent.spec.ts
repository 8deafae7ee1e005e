import { expect, test } from './test';
import { ready } from './page';

test('at a plain http address the page runs on the CPU, without WebGPU, and says what is missing', async ({ page }) => {
  await page.goto('./');
  await ready(page);
  expect(await page.evaluate(() => 'gpu' in navigator)).toBe(false);
  await expect(page.getByTestId('backend')).toHaveText('cpu');
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-reason', 'absent');
  await expect(page.getByTestId('use-backend')).toHaveCount(0);
  await page.locator('.about summary').click();
  await expect(page.getByTestId('offline')).toHaveAttribute('data-state', 'insecure');
});
