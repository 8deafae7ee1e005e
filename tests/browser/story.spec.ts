import { expect, test } from './test';
import { chances, listed, nodes, open, ready, unfold, watch } from './page';

test('the first screen is live, in full mode, with its first preset', async ({ page }) => {
  const seen = watch(page);
  await open(page);
  const [task] = listed().tasks;
  await expect(page.getByTestId('prompt-a')).toHaveValue(task!.presets[0]!.a.text);
  await expect(page.getByTestId('prompt-b')).toHaveValue(task!.presets[0]!.b.text);
  await expect(page.getByTestId('mode-full')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByTestId('p-target')).toHaveAttribute('data-token', task!.candidates[0]);
  await expect(page.getByTestId('p-alt')).toHaveAttribute('data-token', task!.candidates[1]);
  const [target, alt] = await chances(page);
  expect(target + alt).toBeCloseTo(1, 9);
  expect(Math.max(target, alt)).toBeGreaterThan(0.5);
  expect((await nodes(page)).length).toBeGreaterThan(0);
  await expect(page.getByTestId('error')).toHaveCount(0);
  expect(seen).toEqual({ messages: [], strangers: [] });
});

for (const task of listed().tasks) {
  test(`${task.name}: a flip moves the two chances, and flipping back gives the same numbers exactly`, async ({ page }) => {
    await open(page, `#v=1&task=${task.name}`);
    const before = { chances: await chances(page), nodes: await nodes(page) };
    const text = await page.getByTestId('prompt-a').inputValue();
    await page.getByTestId('flip').click();
    const flipped = await chances(page);
    expect(flipped[0]).not.toBe(before.chances[0]);
    expect(page.url()).toContain('flip=1');
    await expect(page.getByTestId('prompt-a')).toHaveValue(text);
    await page.getByTestId('flip').click();
    expect(await chances(page)).toEqual(before.chances);
    expect(await nodes(page)).toEqual(before.nodes);
  });
}

test('the default task reverses its answer', async ({ page }) => {
  await open(page);
  const before = (await chances(page))[0];
  const panel = page.getByTestId('node-panel');
  await expect(panel.locator('[data-change]')).toHaveAttribute('data-flipped', 'false');
  await page.getByTestId('flip').click();
  const after = (await chances(page))[0];
  expect(before > 0.5).not.toBe(after > 0.5);
  await expect(panel.locator('[data-change=none]')).toHaveAttribute('data-flipped', 'true');
});

test('a node switched off changes the numbers within each mode, and on again brings them back', async ({ page }) => {
  await open(page);
  const flipNode = (await nodes(page)).find((one) => one.node === new URLSearchParams(new URL(page.url()).hash.slice(1)).get('node'))!.node;
  for (const mode of ['circuit', 'full'] as const) {
    await page.getByTestId(`mode-${mode}`).click();
    const before = await chances(page);
    await page.locator(`[data-node="${flipNode}"]`).click();
    await page.getByTestId('node-off').click();
    const off = await chances(page);
    expect(off[0], mode).not.toBe(before[0]);
    await expect(page.locator(`[data-node="${flipNode}"]`)).toHaveAttribute('data-on', 'false');
    await expect(page.getByTestId(`mode-${mode}`)).toHaveAttribute('aria-pressed', 'true');
    await page.getByTestId('node-off').click();
    expect(await chances(page), mode).toEqual(before);
  }
});

test('the three modes give three answers; all nodes off in circuit mode is the mean-ablated baseline of every text', async ({ page }) => {
  await open(page);
  const seen = new Set<number>();
  for (const mode of ['full', 'circuit', 'removed']) {
    await page.getByTestId(`mode-${mode}`).click();
    seen.add((await chances(page))[0]);
  }
  expect(seen.size).toBe(3);
  await unfold(page);
  const all = (await nodes(page)).map((one) => one.node).join(',');
  const answers: number[] = [];
  for (const text of ['x = f("abc', "y = g('abc"]) {
    await open(page, `#v=1&a=${encodeURIComponent(text)}&mode=circuit&off=${all}`);
    expect((await nodes(page)).every((one) => one.on === 'false')).toBe(true);
    answers.push((await chances(page))[0]);
  }
  // Everything at its mean: only the last token's embedding is left, and it is the same.
  expect(answers[0]).toBe(answers[1]);
});

test('undo goes back step by step, reset to the start', { tag: '@any-backend' }, async ({ page }) => {
  await open(page);
  const start = await chances(page);
  await expect(page.getByTestId('undo')).toBeDisabled();
  await page.getByTestId('flip').click();
  const flipped = await chances(page);
  await page.getByTestId('mode-circuit').click();
  await ready(page);
  await page.getByTestId('undo').click();
  expect(await chances(page)).toEqual(flipped);
  await page.getByTestId('undo').click();
  expect(await chances(page)).toEqual(start);
  await expect(page.getByTestId('undo')).toBeDisabled();
  await page.getByTestId('prompt-a').fill('x = 1');
  await ready(page);
  await page.getByTestId('reset').click();
  expect(await chances(page)).toEqual(start);
  await expect(page.getByTestId('prompt-a')).toHaveValue(listed().tasks[0]!.presets[0]!.a.text);
});

test('undo takes the task picker back too, and a flip and its way back are two steps', { tag: '@any-backend' }, async ({ page }) => {
  await open(page);
  const [, second, third] = listed().tasks;
  const picker = page.getByTestId('task-select');
  for (const task of [second!, third!]) {
    await picker.selectOption(task.name);
    await ready(page);
  }
  await page.getByTestId('undo').click();
  await ready(page);
  await expect(picker).toHaveValue(second!.name);
  const start = await chances(page);
  await page.getByTestId('flip').click();
  const flipped = await chances(page);
  await page.getByTestId('flip').click();
  expect(await chances(page)).toEqual(start);
  await page.getByTestId('undo').click();
  expect(await chances(page)).toEqual(flipped);
});

test('a copied link opens the identical view in a fresh profile', { tag: '@any-backend' }, async ({ page, browser }) => {
  await open(page);
  await page.getByTestId('prompt-a').fill('log = open(name)\nlog.write("several words');
  await ready(page);
  const node = (await nodes(page)).at(-1)!.node;
  await page.locator(`[data-node="${node}"]`).click();
  await page.getByTestId('node-set').click();
  await page.getByTestId('node-panel').getByRole('spinbutton').fill('1.25');
  await page.keyboard.press('Enter');
  await page.getByTestId('flip').click();
  const [numbers, drawn] = [await chances(page), await nodes(page)];
  await page.locator('[data-view=list]').click();
  const other = await (await browser.newContext()).newPage();
  await other.goto(page.url());
  expect(await chances(other)).toEqual(numbers);
  await expect(other.locator('[data-view=list]')).toHaveAttribute('aria-pressed', 'true');
  await other.locator('[data-view=graph]').click();
  await page.locator('[data-view=graph]').click();
  expect(await nodes(other)).toEqual(drawn);
  await expect(other.getByTestId('prompt-a')).toHaveValue(await page.getByTestId('prompt-a').inputValue());
  expect(await other.getByTestId('node-panel').innerText()).toBe(await page.getByTestId('node-panel').innerText());
  expect(new URL(other.url()).hash).toBe(new URL(page.url()).hash);
  await other.context().close();
});

test('the list holds the graph\'s nodes and values', { tag: '@any-backend' }, async ({ page }) => {
  await open(page);
  await unfold(page);
  const drawn = await nodes(page);
  await page.locator('[data-view=list]').click();
  // Hidden, it follows the graph a moment later.
  await expect(page.locator('[data-testid=node-list] [data-node]')).toHaveCount(drawn.length);
  const listed = await page.locator('[data-testid=node-list] [data-node]').evaluateAll((all) =>
    all.map((one) => ({ node: one.getAttribute('data-node')!, activation: one.getAttribute('data-activation')!, on: one.getAttribute('data-on')! })));
  const byName = (left: { node: string }, right: { node: string }) => (left.node < right.node ? -1 : 1);
  expect(listed.sort(byName)).toEqual(drawn.sort(byName));
});
