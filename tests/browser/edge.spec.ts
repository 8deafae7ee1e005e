/** Edges: their panel, the switch, and everything that tells of an edge that is off. */
import { expect, test, type Page } from './test';
import { chances, nodes, notices, number, open, ready } from './page';

const inLink = (page: Page, key: string) => new URLSearchParams(new URL(page.url()).hash.slice(1)).get(key);

/** Opens the panel of the drawn edge that passes on the most, and returns its name. */
async function openEdge(page: Page): Promise<string> {
  // Solid and dashed lines; an inactive edge is grey.
  const edge = page.locator('.edge-group').filter({ has: page.locator('.edge:not(.dim)') }).last();
  const name = await edge.locator('.edge').evaluate((one) => `${one.getAttribute('data-from')}:${one.getAttribute('data-to')}`);
  await edge.locator('.edge-hit').dispatchEvent('click');
  await ready(page);
  await expect(page.getByTestId('node-panel')).toHaveAttribute('data-selection', name);
  return name;
}

test('an edge opens, switches off and on, and the drawing, the sentence, the link and the list tell it', async ({ page }) => {
  await open(page, '#v=1&mode=circuit');
  const start = await chances(page);
  const edge = await openEdge(page);
  const [from, to] = edge.split(':');
  const term = page.getByTestId('edge-term');
  const before = Number(await term.getAttribute('data-contribution'));
  await expect(page.getByTestId('edge-off')).toHaveAttribute('data-off', 'false');
  await page.getByTestId('edge-off').press('Enter');
  const off = await chances(page);
  expect(off).not.toEqual(start);
  await expect(page.getByTestId('edge-off')).toHaveAttribute('data-off', 'true');
  await expect(term).toHaveAttribute('data-off', 'true');
  expect(Number(await term.getAttribute('data-contribution'))).not.toBe(before);
  await expect(page.getByTestId('summary')).toHaveAttribute('data-kind', 'edge');
  expect(inLink(page, 'offe')).toBe(edge);
  const drawn = page.locator(`[data-testid=graph] .edge[data-from="${from}"][data-to="${to}"]`);
  await expect(drawn).toHaveAttribute('data-off', 'true');
  // dotted, whatever the colours are
  expect(await drawn.evaluate((one) => getComputedStyle(one).strokeDasharray)).not.toBe('none');
  await expect(page.locator('[data-mark=edge-off]')).toHaveCount(1);

  // The target's sum has the mean, and still agrees with the value.
  await page.locator('.ends-of .plain').last().click();
  await ready(page);
  const table = page.getByTestId('terms-in');
  await expect(table.getByTestId('edge-is-off')).toHaveCount(1);
  const parts = (await table.locator('tr:not(.sum, .after) .con').allInnerTexts()).map(number);
  const sum = await table.getByTestId('sum').innerText();
  const decimals = sum.split('.')[1]?.length ?? 0;
  expect(Math.abs(parts.reduce((total, part) => total + part, 0) - number(sum))).toBeLessThan(0.5 / 10 ** decimals);

  // The list tells it and leads back to the edge.
  await page.locator('[data-view=list]').press('Enter');
  await page.locator(`[data-testid=node-list] [data-edge="${edge}"]`).press('Enter');
  await ready(page);
  await expect(page.getByTestId('node-panel')).toHaveAttribute('data-selection', edge);
  expect(await chances(page)).toEqual(off);

  // A link that is opened fresh has the same numbers; on again, those of the start.
  const address = new URL(page.url()).hash;
  await page.goto('about:blank');
  await open(page, address);
  expect(await chances(page)).toEqual(off);
  await page.getByTestId('edge-off').click();
  expect(await chances(page)).toEqual(start);
  await page.getByTestId('undo').click();
  expect(await chances(page)).toEqual(off);
  await page.getByTestId('reset').click();
  await ready(page);
  expect(inLink(page, 'offe')).toBeNull();
});

test('an edge to a logit and one from a write to a read open from their rows and are drawn where they are off', async ({ page }) => {
  await open(page, '#v=1&node=logit.0');
  const start = await chances(page);
  const rows = page.getByTestId('terms-in').locator('[data-edge$="logit.0"]');
  await rows.first().press('Enter');
  await ready(page);
  const edge = await page.getByTestId('node-panel').getAttribute('data-selection');
  await page.getByTestId('edge-off').click();
  expect(await chances(page)).not.toEqual(start);
  expect(inLink(page, 'offe')).toBe(edge);
  await expect(page.locator('[data-testid=graph] .edge[data-to="logit.0"][data-off=true]')).toHaveCount(1);
  // A read of a channel to which the circuit has written before.
  const drawn = (await nodes(page)).map((one) => one.node);
  const channel = (node: string) => node.split('.').at(-1);
  const read = drawn.find((node) => node.includes('act_in') && drawn.some((write) => write.includes('resid_delta') && channel(write) === channel(node) && write < node))!;
  await page.locator(`[data-testid=graph] [data-node="${read}"]`).press('Enter');
  await ready(page);
  await page.getByTestId('terms-in').locator('[data-edge*="resid_delta"]').first().click();
  await ready(page);
  await page.getByTestId('edge-off').click();
  await ready(page);
  expect(inLink(page, 'offe')!.split(',').length).toBe(2);
  await expect(page.getByTestId('summary')).toHaveAttribute('data-kind', 'nodes');
});

test('a link with edges that cannot be switched off gives notice and runs', async ({ page }) => {
  await open(page, '#v=1&offe=embedding:0.attn.act_in.1,0.attn.q.1:0.attn.k.1,99.mlp.act_in.1:99.mlp.post_act.1');
  expect(await notices(page)).toEqual(['link-edges']);
  expect(inLink(page, 'offe')).toBeNull();
});
