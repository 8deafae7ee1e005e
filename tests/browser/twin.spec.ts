import { expect, test, type Page } from './test';
import { native } from './native';
import { chances, listed, modelFile, models, open, ready, still, watch } from './page';

const found = models().find((one) => one.twin);
if (!found?.twin) throw new Error('models/manifest.json names no dense twin: this test drives the shipped one.');
const model = found;
const files = found.twin;
/** Only the default model shows numbers before its twin is open. */
const another = !model.default;

/** By task, the channel that the shipped bridge names. */
function channels(): Record<string, string> {
  const bytes = modelFile(files.bridge);
  const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString('utf8')) as { __metadata__: Record<string, string> };
  return (JSON.parse(header.__metadata__['sparse-circuits-bridge']!) as { channels: Record<string, string> }).channels;
}

const steered = model.tasks.filter((task) => channels()[task.name] !== undefined);
const hashOf = (task: { name: string; presets: { a: { text: string }; b: { text: string } }[] }, more = '') =>
  `#v=1&task=${task.name}&a=${encodeURIComponent(task.presets[0]!.a.text)}&b=${encodeURIComponent(task.presets[0]!.b.text)}${more}`;

/** Waits until everything in the panel belongs to the screen. */
async function settled(page: Page): Promise<void> {
  await ready(page);
  await expect(page.getByTestId('twin')).toHaveAttribute('data-state', 'ready');
}

async function value(page: Page, name: string): Promise<number> {
  await settled(page);
  return Number(await page.getByTestId(name).getAttribute('data-value'));
}

async function denseChances(page: Page): Promise<[number, number]> {
  return [await value(page, 'dense-p-target'), await value(page, 'dense-p-alt')];
}

interface Steered {
  node: string;
  candidates: [string, string];
  before: [number, number];
  p: [number, number];
  random: [number, number][];
}

function steer(task: { name: string; presets: { a: { text: string }; b: { text: string } }[] }, strength: number, node?: string): Steered {
  const { a, b } = task.presets[0]!;
  return native(
    ...['steer', '--sparse', `models/${model.file}`, '--dense', `models/${files.dense}`, '--bridge', `models/${files.bridge}`],
    ...['--task', task.name, '--prompt', a.text, '--counterfactual', b.text, '--strength', String(strength), '--random', '50', '--json'],
    ...(node === undefined ? [] : ['--node', node]),
  ) as Steered;
}

function near(shown: [number, number], command: [number, number], what: string): void {
  for (const side of [0, 1] as const) expect(Math.abs(shown[side] - command[side]), `${what}: ${shown[side]} on the page, ${command[side]}`).toBeLessThan(1e-4);
}

test('the bridge names a channel for at least one task', () => {
  expect(steered.length).toBeGreaterThan(0);
});

for (const task of steered) {
  test(`${task.name}: a flip is carried over to the dense model, by the command's numbers, and taken back`, async ({ page }) => {
    test.setTimeout(180_000);
    await open(page, hashOf(task));
    const before = await chances(page);
    await page.getByTestId('twin-open').click();
    const dense = await denseChances(page);
    const sparse = await chances(page);
    near(dense, steer(task, 0).before, 'by itself');
    await expect(page.getByTestId('dense-p-target')).toHaveAttribute('data-token', task.candidates[0]);
    await expect(page.getByTestId('dense-p-alt')).toHaveAttribute('data-token', task.candidates[1]);
    await expect(page.getByTestId('steer-channel')).toHaveValue(channels()[task.name]!);

    await page.getByTestId('flip').click();
    const flipped = await denseChances(page);
    expect((await chances(page))[0]).not.toBe(sparse[0]);
    const command = steer(task, 1);
    near(flipped, command.p, 'flipped');
    const control = await value(page, 'dense-random');
    // The middle one, by the nearest rank.
    const random = command.random.map((p) => p[1]).sort((left, right) => left - right);
    expect(Math.abs(control - random[24]!)).toBeLessThan(1e-4);
    await expect(page.getByTestId('steer-strength')).toHaveValue('1');

    await page.getByTestId('flip').click();
    expect(await denseChances(page)).toEqual(dense);
    expect(await chances(page)).toEqual(sparse);

    await page.getByTestId('twin-open').click();
    await expect(page.getByTestId('twin')).toHaveCount(0);
    expect(await chances(page)).toEqual(before);
  });
}

if (another) {
  test('the twin of another sparse model brings that one along, and its circuits; the text and the flip stay', async ({ page }) => {
    const tasks = () => page.getByTestId('task-select').locator('option').evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
    const task = steered[0]!;
    await open(page, `#v=1&task=${task.name}&a=${encodeURIComponent(task.presets[0]!.a.text)}`);
    expect(await tasks()).toEqual(listed().tasks.map((one) => one.name));
    await page.getByTestId('prompt-a').press('End');
    await page.getByTestId('prompt-a').pressSequentially('s');
    await page.getByTestId('flip').click();
    await ready(page);
    const text = await page.getByTestId('prompt-a').inputValue();
    await page.getByTestId('twin-open').click();
    await settled(page);
    expect(await tasks()).toEqual(model.tasks.map((one) => one.name));
    await expect(page.getByTestId('prompt-a')).toHaveValue(text);
    await expect(page.getByTestId('flip')).toHaveAttribute('aria-pressed', 'true');
    await expect(page.getByTestId('steer-strength')).toHaveValue('1');
    await page.getByTestId('twin-open').click();
    await ready(page);
    expect(await tasks()).toEqual(listed().tasks.map((one) => one.name));
    await expect(page.getByTestId('prompt-a')).toHaveValue(text);
  });

  test('a task that the other model does not do offers no twin, and says why', async ({ page }) => {
    const missing = listed().tasks.find((task) => model.tasks.every((one) => one.name !== task.name));
    if (!missing) return;
    await open(page, `#v=1&task=${missing.name}`);
    await expect(page.getByTestId('twin-open')).toBeDisabled();
    await expect(page.getByTestId('twin-why')).toBeVisible();
    // A link that asks for it all the same opens the task with the twin closed, and a notice.
    await page.goto('about:blank');
    await open(page, `#v=1&task=${missing.name}&twin=1`);
    await expect(page.getByTestId('task-select')).toHaveValue(missing.name);
    await expect(page.getByTestId('twin')).toHaveCount(0);
    await expect(page.locator('[data-notice=twin-task]')).toContainText(missing.name);
  });
}

test('pressing Flip moves the sparse and the dense bars; the usual random push of the same size leaves the dense ones', async ({ page }) => {
  const task = steered[0]!;
  await open(page, hashOf(task, '&twin=1'));
  const [sparse, dense] = [await chances(page), await denseChances(page)];
  await page.getByTestId('flip').click();
  const moved = Math.abs((await denseChances(page))[1] - dense[1]);
  expect(Math.abs((await chances(page))[1] - sparse[1])).toBeGreaterThan(0.05);
  expect(moved).toBeGreaterThan(0.05);
  const stayed = Math.abs((await value(page, 'dense-random')) - dense[1]);
  expect(stayed).toBeLessThan(moved / 10);
  await expect(page.getByTestId('twin-summary')).toHaveAttribute('data-kind', /^(special|few-as-far)$/);
  await expect(page.getByTestId('twin-summary')).toHaveAttribute('data-directions', '50');
});

test('a link opens the twin as it was left: strength, channel, hybrid pass and numbers', async ({ page, browser }) => {
  test.setTimeout(120_000);
  const task = steered[0]!;
  await open(page, hashOf(task, '&twin=1'));
  await settled(page);
  const other = await page.getByTestId('steer-channel').locator('option').evaluateAll(
    (all, named) => all.map((one) => (one as HTMLOptionElement).value).find((node) => node !== named), channels()[task.name]!);
  if (other !== undefined) await page.getByTestId('steer-channel').selectOption(other);
  await page.getByTestId('steer-strength').fill('0.35');
  const shown = await denseChances(page);
  near(shown, steer(task, 0.35, other).p, 'a third of the way');
  await expect(page).toHaveURL(/steer=0\.35/);
  await page.getByTestId('hybrid-switch').selectOption('0');
  await expect(page).toHaveURL(/switch=0/);
  const fresh = await (await browser.newContext()).newPage();
  await fresh.goto(page.url());
  expect(await denseChances(fresh)).toEqual(shown);
  await expect(fresh.getByTestId('steer-channel')).toHaveValue(other ?? channels()[task.name]!);
  await expect(fresh.getByTestId('hybrid-switch')).toHaveValue('0');
  expect(await fresh.getByTestId('twin').innerText()).toBe(await page.getByTestId('twin').innerText());
  await fresh.context().close();
});

test('slider, bars and sentence agree, and a line says where the two models are treated differently', async ({ page }) => {
  await open(page, hashOf(steered[0]!, '&twin=1'));
  const now = page.getByTestId('twin-now');
  for (const [strength, flip] of [['0', false], ['0.35', false], ['1', false], ['1', true], ['0', true]] as const) {
    if ((await page.getByTestId('flip').getAttribute('aria-pressed')) !== String(flip)) await page.getByTestId('flip').click();
    await page.getByTestId('steer-strength').fill(strength);
    const p = await denseChances(page);
    await expect(now).toHaveAttribute('data-steer', strength);
    expect(p).toContain(Number(await now.getAttribute('data-value')));
    // To the digits that both show.
    const shown = await page.locator('.tnext .pc b').allInnerTexts();
    const words = (await now.locator('b').innerText()).replace(/\s/g, ' ');
    expect(shown.map((one) => one.replace(/\s/g, ' '))).toContain(words);
    await expect(page.getByTestId('twin-apart')).toHaveCount((Number(strength) > 0) === flip ? 0 : 1);
  }
});

test('undo takes the slider back; the panel stays open', async ({ page }) => {
  await open(page, hashOf(steered[0]!, '&twin=1'));
  const before = await denseChances(page);
  await page.getByTestId('steer-strength').fill('1');
  expect(await denseChances(page)).not.toEqual(before);
  await page.getByTestId('undo').click();
  expect(await denseChances(page)).toEqual(before);
});

test('by keyboard: open, steer to the end, change the switch point, shut', async ({ page }) => {
  const tabTo = async (name: string) => {
    for (let press = 0; press < 90; press++) {
      if (await page.evaluate((wanted) => document.activeElement?.getAttribute('data-testid') === wanted, name)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab never reaches ${name}`);
  };
  await open(page, hashOf(steered[0]!));
  await tabTo('twin-open');
  await page.keyboard.press('Enter');
  await settled(page);
  await tabTo('steer-strength');
  await page.keyboard.press('End');
  await expect(page.getByTestId('steer-strength')).toHaveValue('1');
  near(await denseChances(page), steer(steered[0]!, 1).p, 'at the end');
  await tabTo('hybrid-switch');
  await page.keyboard.press('Home');
  const first = await value(page, 'hybrid-sparse-dense');
  await page.keyboard.press('End');
  await expect.poll(() => value(page, 'hybrid-sparse-dense')).not.toBe(first);
  await page.getByTestId('twin-close').press('Enter');
  await expect(page.getByTestId('twin')).toHaveCount(0);
  await ready(page);
  expect(page.url()).not.toContain('twin=');
});

test('nothing of the twin is loaded before it is opened, and nothing from elsewhere then', async ({ page, context }) => {
  const asked: string[] = [];
  context.on('request', (request) => asked.push(new URL(request.url()).pathname));
  const seen = watch(page);
  await open(page);
  await page.getByTestId('prompt-a').fill('print("a text of my own');
  await ready(page);
  expect(asked.filter((path) => /twin/.test(path) || path.endsWith(files.dense) || path.endsWith(files.bridge))).toEqual([]);
  await page.getByTestId('twin-open').click();
  await settled(page);
  expect(asked.filter((path) => path.endsWith(files.dense))).toHaveLength(1);
  expect(seen).toEqual({ messages: [], strangers: [] });
});

test('a text without a counterfactual shows the dense model, and says why it cannot be steered', async ({ page }) => {
  await open(page, `#v=1&task=${steered[0]!.name}&a=${encodeURIComponent('x = 1')}&twin=1`);
  const p = await denseChances(page);
  expect(p[0] + p[1]).toBeCloseTo(1, 9);
  await expect(page.getByTestId('twin-summary')).toHaveAttribute('data-kind', 'no-prompt-b');
  await expect(page.getByTestId('steer-strength')).toBeDisabled();
});

test('typing brings the twin after the sparse numbers', async ({ page }) => {
  await open(page, hashOf(steered[0]!, '&twin=1'));
  const before = await denseChances(page);
  await page.getByTestId('prompt-a').fill('print("several other words');
  const typed = await denseChances(page);
  expect(typed).not.toEqual(before);
  await page.reload();
  expect(await denseChances(page)).toEqual(typed);
});

for (const name of [files.dense, files.bridge]) {
  test(`a damaged ${name} shows an error in the panel; the page continues`, async ({ page, context }) => {
    // Of the context: the twin's worker asks for it.
    await context.route(`**/models/${name}`, (route) => route.fulfill({ body: Buffer.alloc(modelFile(name).length) }));
    await open(page, hashOf(steered[0]!));
    const before = await chances(page);
    await page.getByTestId('twin-open').click();
    await expect(page.getByTestId('twin-error')).toContainText(name);
    await page.getByTestId('flip').click();
    expect((await chances(page))[0]).not.toBe(before[0]);
    await expect(page.getByTestId('error')).toHaveCount(0);
  });
}

if (another) {
  test(`a damaged ${model.file} leaves the page on its own model, with a sentence; so does a link`, async ({ page, context }) => {
    await context.route(`**/models/${model.file}`, (route) => route.fulfill({ body: Buffer.alloc(model.bytes) }));
    await open(page, hashOf(steered[0]!));
    const before = await chances(page);
    await page.getByTestId('twin-open').click();
    await expect(page.getByTestId('error')).toContainText(model.file);
    expect(await chances(page)).toEqual(before);
    await expect(page.getByTestId('twin')).toHaveCount(0);
    await page.goto('about:blank');
    await page.goto(`./${hashOf(steered[0]!, '&twin=1')}`);
    await expect(page.getByTestId('error')).toContainText(model.file);
    expect(await chances(page)).toEqual(before);
  });
}

for (const [width, height] of [[1280, 800], [390, 844], [320, 640]] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`${width}x${height}, ${colorScheme}: nothing sticks out sideways with the twin open`, async ({ browser }, info) => {
      const context = await browser.newContext({ viewport: { width, height }, colorScheme });
      const page = await context.newPage();
      await page.goto(`./${hashOf(steered[0]!, '&twin=1&flip=1')}`);
      await settled(page);
      await still(page);
      await page.screenshot({ path: info.outputPath(`twin-${width}-${colorScheme}.png`), fullPage: true });
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
      for (const id of ['twin-open', 'dense-p-target', 'dense-p-alt', 'steer-strength', 'steer-channel', 'hybrid-switch', 'dense-random']) {
        const box = (await page.getByTestId(id).boundingBox())!;
        expect(box.x, id).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width, id).toBeLessThanOrEqual(width);
      }
      await context.close();
    });
  }
}
