/**
 * An engine that traps: the page restarts it and keeps its state. The traps are put into the worker, in front of its script: an import
 * of the wasm module throws in the middle of a call, so that the module is left in the state that a trap leaves.
 */
import { expect, test, type Page } from './test';
import { chances, nodes, open, ready } from './page';

const ENGINE = /worker-.*\.js$/;
const TWIN = /twin-.*\.js$/;

/** Makes the next `count` calls of `method` trap, in a worker whose script follows. */
const trapAt = (method: string, count: number) => `
  self.traps = ${count};
  {
    let armed = false;
    self.addEventListener('message', ({ data }) => (armed = data?.path?.[0] === '${method}' && self.traps > 0));
    const breaking = (value) => typeof value !== 'function' ? value : (...args) => {
      if (armed) {
        armed = false;
        self.traps--;
        throw new WebAssembly.RuntimeError('unreachable');
      }
      return value(...args);
    };
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = (source, imports) => instantiate(source, Object.fromEntries(Object.entries(imports).map(
      ([module, values]) => [module, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, breaking(value)]))])));
  }`;

/** Lets workers trap that are started later: `traps` is how often each one does. */
async function inject(page: Page, script: RegExp, method: string): Promise<{ traps: number; started: number }> {
  const control = { traps: 0, started: 0 };
  await page.route(script, async (route) => {
    const response = await route.fetch();
    control.started++;
    await route.fulfill({ response, body: `${trapAt(method, control.traps)}\n${await response.text()}` });
  });
  return control;
}

const trapNow = (page: Page, script = ENGINE) =>
  page.workers().find((worker) => script.test(worker.url()))!.evaluate(() => void Object.assign(self, { traps: 1 }));

const text = 'log = open(name)\nlog.write("several words';
const VIEW = `#v=1&task=single_double_quote&a=${encodeURIComponent(text)}&mode=circuit&flip=1&backend=cpu`;

test('an engine that traps is restarted, and the state on the screen stays', async ({ page }) => {
  const control = await inject(page, ENGINE, 'run');
  await open(page, VIEW);
  await page.getByTestId('mode-full').click();
  const full = await chances(page);
  await page.getByTestId('mode-circuit').click();
  const circuit = { chances: await chances(page), nodes: await nodes(page) };
  await expect(page.getByTestId('engine-restart')).toHaveCount(0);
  await trapNow(page);
  await page.getByTestId('mode-full').click();
  expect(await chances(page)).toEqual(full);
  await expect(page.getByTestId('engine-restart')).toBeVisible();
  await expect(page.getByTestId('error')).toHaveCount(0);
  expect(control.started).toBe(2);
  expect(page.workers()).toHaveLength(1);
  await expect(page.getByTestId('prompt-a')).toHaveValue(text);
  expect(page.url()).toContain('flip=1');
  // The next change is answered as well, with the same numbers as before.
  await page.getByTestId('mode-circuit').click();
  expect(await chances(page)).toEqual(circuit.chances);
  expect(await nodes(page)).toEqual(circuit.nodes);
  await page.getByTestId('undo').click();
  expect(await chances(page)).toEqual(full);
});

test('a trap at a text that no preset knows: the tokenizer and prompt B come back', async ({ page }) => {
  await inject(page, ENGINE, 'run');
  await open(page, VIEW);
  const typed = 'print("not a preset';
  await page.getByTestId('prompt-a').fill(typed);
  const before = await chances(page);
  await page.getByTestId('prompt-a').fill(`${typed}s`);
  await ready(page);
  await trapNow(page);
  await page.getByTestId('prompt-a').fill(typed);
  expect(await chances(page)).toEqual(before);
  await expect(page.getByTestId('prompt-b')).toHaveValue("print('not a preset");
});

test('an input at which the engine always traps gives an error, and the next input is answered', async ({ page }) => {
  const control = await inject(page, ENGINE, 'run');
  await open(page, VIEW);
  const before = await chances(page);
  await page.getByTestId('flip').click();
  const flipped = await chances(page);
  control.traps = 1;
  await trapNow(page);
  await page.getByTestId('flip').click();
  await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'error');
  await expect(page.getByTestId('error')).toBeVisible();
  // Repeated once, not more.
  expect(control.started).toBe(2);
  // The last numbers can still be read.
  await expect(page.getByTestId('p-target')).toHaveAttribute('data-value', String(flipped[0]));
  await expect(page.getByTestId('graph')).toBeVisible();
  control.traps = 0;
  await page.getByTestId('mode-full').click();
  await ready(page);
  await page.getByTestId('mode-circuit').click();
  expect(await chances(page)).toEqual(before);
  await expect(page.getByTestId('error')).toHaveCount(0);
});

test('an engine that always traps is not restarted for ever, and the page can be read', async ({ page }) => {
  const control = await inject(page, ENGINE, 'run');
  await open(page, VIEW);
  const before = await chances(page);
  control.traps = 100;
  await trapNow(page);
  const buttons = ['mode-full', 'mode-removed', 'mode-circuit', 'flip', 'mode-full', 'flip'];
  for (const button of buttons) {
    await page.getByTestId(button).click();
    await expect(page.getByTestId('status')).toHaveAttribute('data-state', 'error');
  }
  expect(control.started).toBe(3);
  expect(page.workers()).toHaveLength(0);
  await expect(page.getByTestId('error')).toBeVisible();
  await expect(page.getByTestId('p-target')).toHaveAttribute('data-value', String(before[0]));
  await expect(page.getByTestId('graph')).toBeVisible();
  await page.getByTestId('prompt-a').fill('typed all the same');
  await expect(page.getByTestId('prompt-a')).toHaveValue('typed all the same');
});

test('a dense twin that traps is restarted as well', async ({ page }) => {
  await inject(page, TWIN, 'steer');
  await open(page, '#v=1&twin=1');
  const twin = page.getByTestId('twin');
  const dense = async () => {
    await expect(twin).toHaveAttribute('data-state', 'ready');
    return page.getByTestId('dense-p-target').getAttribute('data-value');
  };
  await page.getByTestId('steer-strength').fill('1');
  const full = await dense();
  await page.getByTestId('steer-strength').fill('0.5');
  expect(await dense()).not.toBe(full);
  await trapNow(page, TWIN);
  await page.getByTestId('steer-strength').fill('1');
  expect(await dense()).toBe(full);
  await expect(page.getByTestId('twin-error')).toHaveCount(0);
  expect(page.workers()).toHaveLength(2);
});
