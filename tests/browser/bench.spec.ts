import { expect, test } from './test';
import { backend, watch } from './page';

/** The cells of the rows that measure `what`. */
const cells = (what: string) => `#backends tr:has(td:first-child:text-is("${what}")) td`;

test('bench.html measures the page and its backends', async ({ page }) => {
  const seen = watch(page);
  // The page on the CPU alone: a software adapter takes a while.
  await page.goto(`./bench.html#runs=3&grid=small&what=matmul, dense${backend() === 'webgpu' ? '&part=backends' : ''}`);
  await expect(page.locator('#json')).toContainText('"backends"', { timeout: 60_000 });
  if (backend() === 'cpu') await expect(page.locator('#table')).toContainText('cpu: key to painted numbers');
  await expect(page.locator('#device')).toHaveAttribute('data-device', backend() === 'cpu' ? 'none' : 'software');
  await expect(page.locator('#device')).not.toBeEmpty();
  const [name, size, cpu, gflops, , share, webgpu, , , , difference] = await page.locator(cells('matmul, dense')).allInnerTexts();
  expect([name, size]).toEqual(['matmul, dense', '128, 256 tokens x 1']);
  expect(Number(cpu)).toBeGreaterThan(0);
  expect(Number(gflops)).toBeGreaterThan(0);
  expect(share).toMatch(/^(<1|\d+) %$/);
  if (backend() === 'webgpu') {
    expect(Number(webgpu)).toBeGreaterThan(0);
    expect(Number(difference)).toBeLessThan(1e-4);
  }
  // Chromium says that there is no adapter, too.
  expect(seen.messages.filter((line) => line !== 'No available adapters.')).toEqual([]);
  expect(seen.strangers).toEqual([]);
});
