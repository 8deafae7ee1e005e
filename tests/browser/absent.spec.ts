import { expect, test } from './test';
import { ready } from './page';

test('a browser without WebGPU runs the page on the CPU and says so', async ({ page }) => {
  await page.goto('./');
  await ready(page);
  expect(await page.evaluate(() => 'gpu' in navigator)).toBe(false);
  await expect(page.getByTestId('backend')).toHaveText('cpu');
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-reason', 'absent');
  await expect(page.getByTestId('use-backend')).toHaveCount(0);
});
