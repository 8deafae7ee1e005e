/** Links with the numbers of their author. */
import { expect, test } from './test';
import { chances, open, ready } from './page';

test('a claim link agrees in another profile, and with one digit changed it says so @any-backend', async ({ page, browser }) => {
  await open(page, '#v=1&task=single_double_quote&mode=circuit');
  await page.getByTestId('flip').click();
  const p = await chances(page);
  await page.getByTestId('share').click();
  const link = await page.getByTestId('share-claim').inputValue();
  const number = /claim=([\d.]+):/.exec(link)![1]!;
  expect(Math.abs(Number(number) - p[0])).toBeLessThan(1e-5);

  const other = await browser.newContext();
  const reader = await other.newPage();
  await reader.goto(link);
  const claim = reader.getByTestId('claim');
  await expect(claim).toHaveAttribute('data-agrees', 'true');
  expect(await chances(reader)).toEqual(p);
  expect(reader.url()).toContain('claim=');

  // A digit of the screen, and the last digit of the link.
  for (const at of [4, 6]) {
    const digit = (Number(number[at]) + 1) % 10;
    await reader.goto(link.replace(number, number.slice(0, at) + digit + number.slice(at + 1)));
    await expect(claim).toHaveAttribute('data-agrees', 'false');
    await expect(claim).toContainText((100 * p[0]).toFixed(3));
  }
  await reader.getByTestId('flip').click();
  await ready(reader);
  await expect(claim).toHaveCount(0);
  await other.close();
});
