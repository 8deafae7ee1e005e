import { expect, test } from './test';
import { listed, nodes, number, open, ready, unfold } from './page';

for (const [place, task] of listed().tasks.entries()) {
  // One task shows it where a panel takes a second.
  const tag = place > 0 ? '@fast-backends' : [];
  test(`${task.name}: in every node's panel the shown parts add up to the shown sum`, { tag }, async ({ page }) => {
    // Some fifty panels, one after the other; a busy machine takes seconds for each.
    test.setTimeout(300_000);
    await open(page, `#v=1&task=${task.name}`);
    await unfold(page);
    for (const { node } of await nodes(page)) {
      await page.locator(`[data-node="${node}"]`).first().click();
      await ready(page);
      const table = page.getByTestId('node-panel').locator('table').first();
      const cells = await table.locator('tr:not(.sum, .after) .con').allInnerTexts();
      const sum = await table.getByTestId('sum').innerText();
      const decimals = sum.split('.')[1]?.length ?? 0;
      const parts = cells.map(number).reduce((total, part) => total + part, 0);
      expect(parts.toFixed(decimals).replace(/^-(0\.?0*)$/, '$1'), `${node}: ${cells.join(' ')}`).toBe(number(sum).toFixed(decimals));
      // Each shown product, to the rounding of its factors.
      for (const row of await table.locator('tr:not(.sum, .after)').evaluateAll((rows) => rows.map((one) => one.getAttribute('title')))) {
        const exact = row?.match(/^(.+) = (\S+)$/);
        if (!exact) continue;
        const product = exact[1]!.split(' × ').map(Number).reduce((all, factor) => all * factor, 1);
        expect(Number(exact[2])).toBeCloseTo(product, 4);
      }
    }
  });
}
