import { expect, test } from './test';
import { chances, notices, open, ready, watch } from './page';

const prompts: [string, string, string][] = [
  ['empty', '', 'prompt-empty'],
  ['emoji', 'print("🙂👩‍👩‍👧', 'prompt-not-ascii'],
  ['right to left', 'print("שלום עולם', 'prompt-not-ascii'],
  ['over-long', `${'x = 1\n'.repeat(300)}print("end`, 'prompt-cut'],
  ['one of control characters and separators', 'print("\u2028\u200b\ufeff', 'prompt-not-ascii'],
];

for (const [what, text, notice] of prompts) {
  test(`a prompt that is ${what} is explained and answered`, async ({ page }) => {
    const seen = watch(page);
    await open(page);
    await page.getByTestId('prompt-a').fill(text);
    const [target, alt] = await chances(page);
    expect(target + alt).toBeCloseTo(1, 9);
    expect(await notices(page)).toEqual([notice]);
    await expect(page.getByTestId('error')).toBeVisible();
    await expect(page.getByTestId('prompt-a')).toHaveValue(text);
    // Tokens that are parts of a character are named by it.
    await expect(page.locator('.ats .at').last()).toHaveAttribute('aria-pressed', 'true');
    expect(await page.locator('.ats').innerText()).not.toContain('\uFFFD');
    await page.getByTestId('prompt-a').fill('print("all is well');
    await ready(page);
    await expect(page.getByTestId('error')).toHaveCount(0);
    expect(seen.messages).toEqual([]);
  });
}

test('where there is nothing to flip, the button is disabled and says why', { tag: '@any-backend' }, async ({ page }) => {
  await open(page, '#v=1&task=single_double_quote');
  await page.getByTestId('prompt-a').fill('x = 1');
  await ready(page);
  await expect(page.getByTestId('flip')).toBeDisabled();
  const hint = await page.getByTestId('flip').getAttribute('aria-describedby');
  expect((await page.locator(`#${hint}`).innerText()).length).toBeGreaterThan(20);
});
