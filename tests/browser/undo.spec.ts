/** Undo, the browser's Back button, numbers as they are typed, and prompt B. */
import { expect, test } from './test';
import { chances, listed, models, nodes, open, ready } from './page';

test('undo takes back changes only: not the closing of a panel or a chosen token', async ({ page }) => {
  await open(page);
  const start = await chances(page);
  const [node, other] = (await nodes(page)).map((one) => one.node);
  await page.locator(`[data-node="${node}"]`).click();
  await ready(page);
  await page.getByTestId('node-off').click();
  expect(await chances(page)).not.toEqual(start);
  await page.locator(`[data-node="${other}"]`).click();
  await ready(page);
  await page.getByTestId('node-panel').locator('.at').first().click();
  await ready(page);
  await page.getByTestId('undo').click();
  // The change is gone; the chosen node and token stay.
  expect(await chances(page)).toEqual(start);
  await expect(page.getByTestId('node-panel')).toContainText(other!);
  await expect(page.getByTestId('node-panel').locator('.at').first()).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByTestId('undo')).toBeDisabled();
  await page.getByTestId('node-panel').locator('.close').click();
  await expect(page.getByTestId('undo')).toBeDisabled();
});

test('Ctrl+Z undoes wherever the focus is, but for a text field', async ({ page }) => {
  await open(page);
  const node = (await nodes(page)).at(-1)!.node;
  await page.locator(`[data-node="${node}"]`).click();
  await ready(page);
  const start = await chances(page);
  await page.getByTestId('node-scale').click();
  await ready(page);
  // A slider has the focus.
  const slider = page.getByTestId('node-panel').locator('input[type=range]');
  await slider.focus();
  await page.keyboard.press('Home');
  const scaled = await chances(page);
  expect(scaled).not.toEqual(start);
  await page.keyboard.press('ControlOrMeta+z');
  await page.keyboard.press('ControlOrMeta+z');
  await expect.poll(() => chances(page)).toEqual(start);
  await page.getByTestId('prompt-a').focus();
  await page.getByTestId('mode-removed').click();
  await ready(page);
  await page.getByTestId('prompt-a').press('ControlOrMeta+z');
  await expect(page.getByTestId('mode-removed')).toHaveAttribute('aria-pressed', 'true');
});

test('the Back button goes back between tasks, modes and examples', async ({ page }) => {
  await open(page);
  const [first, second, third] = listed().tasks;
  const start = await chances(page);
  await page.getByTestId('mode-circuit').click();
  const alone = await chances(page);
  await page.locator('select.examples').selectOption({ index: 3 });
  await ready(page);
  await page.goBack();
  expect(await chances(page)).toEqual(alone);
  await page.goBack();
  expect(await chances(page)).toEqual(start);
  await page.getByTestId('flip').click();
  const flipped = await chances(page);
  for (const task of [second!, third!]) {
    await page.getByTestId('task-select').selectOption(task.name);
    await ready(page);
    await expect(page.getByTestId('p-target')).toHaveAttribute('data-token', task.candidates[0]);
  }
  for (const task of [second!, first!]) {
    await page.goBack();
    await expect(page.getByTestId('task-select')).toHaveValue(task.name);
    await ready(page);
  }
  expect(await chances(page)).toEqual(flipped);
  await page.goForward();
  await expect(page.getByTestId('task-select')).toHaveValue(second!.name);
});

test('Set and Scale apply each number as it is typed, and keep what was typed', async ({ page }) => {
  await open(page);
  await page.locator('[data-testid=graph] [data-node]').last().click();
  await ready(page);
  await page.getByTestId('node-set').click();
  await ready(page);
  const field = page.getByTestId('node-panel').getByRole('spinbutton');
  await field.fill('');
  const seen = new Set<number>();
  for (const key of ['0', '.', '7', '0', '3', '2']) {
    await field.press(key);
    seen.add((await chances(page))[0]);
  }
  expect(seen.size).toBeGreaterThan(2);
  await expect(field).toHaveValue('0.7032');
  expect(decodeURIComponent(page.url())).toContain(':0.7032');
  // Text that is not a number changes nothing, and the last number returns.
  await field.fill('');
  await field.blur();
  await expect(field).toHaveValue('0.7032');
});

test('after one click on the button, prompt B follows prompt A again', async ({ page }) => {
  await open(page);
  const b = page.getByTestId('prompt-b');
  const rule = await b.inputValue();
  await b.fill('print("of my own');
  await ready(page);
  await page.getByTestId('restore-b').click();
  await ready(page);
  await expect(b).toHaveValue(rule);
  await expect(page.getByTestId('restore-b')).toHaveCount(0);
  await page.getByTestId('prompt-a').fill('print("typed');
  await ready(page);
  await expect(b).toHaveValue("print('typed");
});

test('the dense twin keeps edits, selected node and undo when it opens and closes', async ({ page }) => {
  const model = models().find((one) => one.twin)!;
  // The test is about two models.
  expect(model.default).toBe(false);
  await open(page, `#v=1&task=${model.tasks[0]!.name}`);
  const start = await chances(page);
  const node = (await nodes(page)).at(-1)!.node;
  await page.locator(`[data-node="${node}"]`).click();
  await ready(page);
  await page.getByTestId('node-off').click();
  const off = await chances(page);
  const before = new URL(page.url()).hash;
  await page.getByTestId('twin-open').click();
  await expect(page.getByTestId('twin')).toHaveAttribute('data-state', 'ready');
  await expect(page.getByTestId('twin-other-circuit')).toBeVisible();
  await page.getByTestId('twin-open').click();
  await expect(page.getByTestId('twin')).toHaveCount(0);
  expect(await chances(page)).toEqual(off);
  expect(new URL(page.url()).hash).toBe(before);
  await expect(page.getByTestId('node-panel')).toContainText(node);
  await page.getByTestId('undo').click();
  expect(await chances(page)).toEqual(start);
});
