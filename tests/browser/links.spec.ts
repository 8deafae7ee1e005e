/** Links in the address bar. Links are untrusted. */
import { expect, test } from './test';
import { hostileHashes } from '../../www/tests/unit/hostile-links';
import { listed, nodes, open, ready, watch } from './page';

const hostile = [
  '#v=1&task=__proto__&a=%E0%A4%A&mode=FULL&off=9.mlp.post_act.1,constructor&set=0.attn.q.1:NaN&scale=x&patch=%00&flip=yes&node=7.attn.q.1&token=-1&backend=quantum',
  '#v=99&task=single_double_quote',
  `#v=1&off=${'0.mlp.post_act.1,'.repeat(8000)}`,
  '#v=1&task=%3Cscript%3Ealert(1)%3C/script%3E',
  `#v=1&set=0.mlp.post_act.1:1e99&a=${'x'.repeat(20000)}`,
];

for (const [index, hash] of hostile.entries()) {
  test(`a hostile link (${index + 1}) opens the defaults and says so`, async ({ page }) => {
    const seen = watch(page);
    page.on('dialog', () => seen.messages.push('a dialog opened'));
    await open(page, hash);
    expect((await nodes(page)).length).toBeGreaterThan(0);
    await expect(page.getByTestId('error')).toBeVisible();
    expect(page.url()).not.toMatch(/proto|quantum|script|1e99/);
    expect(seen.messages).toEqual([]);
  });
}

test('a link to another state, entered by hand, is followed', async ({ page }) => {
  await open(page);
  await page.evaluate(() => (location.hash = '#v=1&task=single_double_quote&a=print(%22typed%20in&mode=full'));
  await expect(page.getByTestId('prompt-a')).toHaveValue('print("typed in');
  await ready(page);
  await expect(page.getByTestId('mode-full')).toHaveAttribute('aria-pressed', 'true');
});

test('20 of the seeded hostile links are followed one after the other, and leave nothing but their text', async ({ page }) => {
  test.setTimeout(120_000);
  const seen = watch(page);
  page.on('dialog', () => seen.messages.push('a dialog opened'));
  await open(page, '#v=1');
  const foreign = () => page.locator('script, iframe, object, embed, base, form, img, svg image, [onerror], [onload], a[href^="javascript:" i]').count();
  const before = await foreign();
  for (const hash of hostileHashes(20, listed().tasks)) {
    await page.evaluate((next) => (location.hash = next), hash);
    // The page writes the link of what it shows.
    await expect.poll(() => page.evaluate(() => location.hash), hash).toMatch(/^#v=1&task=\w+&a=[\w%.,-]*&/);
    await ready(page);
    // In the graph or, where the link asks for it, in the list.
    expect(await page.locator('[data-testid=graph] [data-node], [data-testid=node-list] [data-node]').count(), hash).toBeGreaterThan(0);
    expect(await foreign(), hash).toBe(before);
  }
  expect(seen.messages).toEqual([]);
});
