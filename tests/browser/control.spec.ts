/** The control of a flip: the same nodes with values from other examples with the same right answer. */
import { expect, test, type Page } from './test';
import { chances, listed, open, ready } from './page';

/** A manifest whose examples all have a known answer: prompt A of a pair wants the first candidate unless it says otherwise. */
async function withAnswers(page: Page): Promise<void> {
  await page.route('**/models/manifest.json', async (route) => {
    const manifest = (await (await route.fetch()).json()) as { models: { tasks: { presets: { answer?: number }[] }[] }[] };
    for (const task of manifest.models.flatMap((model) => model.tasks)) for (const preset of task.presets) preset.answer ??= 0;
    await route.fulfill({ json: manifest });
  });
}

const controls = async (page: Page) => ((await page.locator('#flip-hint').getAttribute('data-control')) ?? '').split(',').map(Number);

for (const mode of ['full', 'circuit']) {
  test(`a flip in ${mode} mode has a control, which is what a flip with that prompt as counterfactual gives`, async ({ page }) => {
    await withAnswers(page);
    await open(page, `#mode=${mode}&flip=1`);
    await expect(page.locator('#flip-hint')).toHaveAttribute('data-control', /\d/);
    const control = await controls(page);
    const task = listed().tasks[0]! as { presets: { a: { text: string }; b: { text: string }; answer?: number; fails?: boolean }[] };
    const [first] = task.presets.map((preset) => ({ answer: 0, ...preset }));
    const donors = task.presets.map((preset) => ({ answer: 0, ...preset })).filter((preset) => !preset.fails)
      .map((preset) => (preset.answer === first!.answer ? preset.a.text : preset.b.text)).filter((text) => text !== first!.a.text);
    expect(control.length).toBeGreaterThan(0);
    await page.getByTestId('prompt-b').fill(donors[0]!);
    await ready(page);
    expect((await chances(page))[0]).toBeCloseTo(control[0]!, 5);
  });
}

test('a control belongs to the text, and appears after the flip is shown', async ({ page }) => {
  await withAnswers(page);
  await open(page, '#flip=1');
  await expect(page.locator('#flip-hint')).toHaveAttribute('data-control', /\d/);
  const before = await controls(page);
  await page.getByTestId('prompt-a').press('End');
  await page.keyboard.type('x');
  await ready(page);
  // Of another text: none, or its own.
  expect(await controls(page)).not.toEqual(before);
  await page.getByTestId('flip').click();
  await ready(page);
  expect(await page.locator('[data-control]').count()).toBe(0);
});
