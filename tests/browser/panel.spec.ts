/** What the screen says about edges, terms and modes, in one way everywhere. */
import { expect, test } from './test';
import { listed, open, ready } from './page';

test('the panel names the terms outside the circuit, and which of them the mode fixes', async ({ page }) => {
  const task = listed().tasks[0]!.name;
  for (const [mode, outside, inside] of [['full', 'false', 'false'], ['circuit', 'true', 'false'], ['removed', 'false', 'true']] as const) {
    await open(page, `#task=${task}&mode=${mode}&node=logit.0`);
    const terms = page.getByTestId('terms-in');
    await expect(terms.locator('[data-group=outside]')).toHaveAttribute('data-fixed', outside);
    await expect(terms.locator('[data-group=inside]')).toHaveAttribute('data-fixed', inside);
  }
});

test('an edge in the drawing and its row in the panel show the same factors', async ({ page }) => {
  await open(page);
  const edge = page.locator('.edge-group:not(.faded)').filter({ has: page.locator('.edge:not(.dim)') }).first();
  const [from, to] = await edge.locator('.edge').evaluate((one) => [one.getAttribute('data-from')!, one.getAttribute('data-to')!]);
  await page.locator(`[data-testid=graph] [data-node="${to}"]`).focus();
  await page.keyboard.press('Enter');
  await ready(page);
  await edge.locator('.edge-hit').dispatchEvent('pointerenter');
  const product = (await page.locator('.tip b').innerText()).split(' = ')[0]!;
  expect(from).not.toBe(to);
  expect(await page.getByTestId('terms-in').locator('tr.hov .factors').innerText()).toBe(product);
});

test('a node that is off has the word as its badge, and its small value looks small', async ({ page }) => {
  await open(page, '#task=single_double_quote&off=1.attn.v.65&node=1.attn.v.65');
  await expect(page.locator('[data-testid=graph] [data-node="1.attn.v.65"] .pbt')).toHaveText('off');
  const tints = await page.locator('.panel .at').evaluateAll((all) => all.map((one) => parseFloat((one as HTMLElement).style.getPropertyValue('--a'))));
  expect(Math.max(...tints)).toBeLessThan(10);
  // A press on the pressed button brings the value back.
  await page.getByTestId('node-off').click();
  await ready(page);
  await expect(page.locator('[data-testid=graph] .pbt')).toHaveCount(0);
});

test('a read of the embedding has the sign and the factors of the drawing', async ({ page }) => {
  await open(page, '#task=single_double_quote&node=1.attn.act_in.98');
  const row = page.locator('[data-testid=terms-in] tr').filter({ has: page.locator('.sw.sn') }).first();
  await expect(row.locator('.factors')).toHaveText(/^\S+ × \S+$/);
  await expect(page.locator('[data-testid=terms-in] h3 [data-term=normScale]')).toHaveCount(1);
});

test('with the circuit removed Flip is unavailable, and the reason is in sight', async ({ page }) => {
  await open(page, '#mode=removed');
  await expect(page.getByTestId('flip')).toBeDisabled();
  await expect(page.locator('#flip-hint')).toBeVisible();
  await page.getByTestId('mode-full').click();
  await ready(page);
  await expect(page.getByTestId('flip')).toBeEnabled();
});

test('a long prompt shows whole lines', async ({ page }) => {
  await open(page);
  await page.getByTestId('prompt-a').fill('a = 1\nb = 2\nc = 3\nd = 4\nprint("x');
  await ready(page);
  const { above, height, line } = await page.getByTestId('prompt-a').evaluate((area: HTMLTextAreaElement) => ({
    above: area.scrollTop, height: area.clientHeight, line: parseFloat(getComputedStyle(area).lineHeight),
  }));
  expect(above).toBeGreaterThan(0);
  expect(above % line).toBeLessThan(1);
  expect(height % line).toBeLessThan(1);
});
