/** Links in the address bar. Links are untrusted. */
import { expect, test } from './test';
import { nodes, open, ready, watch } from './page';

const hostile = [
  '#v=1&task=__proto__&a=%E0%A4%A&mode=FULL&off=9.mlp.post_act.1,constructor&set=0.attn.q.1:NaN&scale=x&patch=%00&flip=yes&node=7.attn.q.1&token=-1&backend=quantum',
  '#v=99&task=single_double_quote',
  `#v=1&off=${'0.mlp.post_act.1,'.repeat(5000)}`,
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
