/**
 * What the model runs on: measured, chosen, lost. Runs where the browser has an adapter; what goes wrong is put into the worker, in
 * front of its script.
 */
import { expect, test, type BrowserContext, type Page } from './test';
import { chances, listed, ready, watch } from './page';

/** Keeps the worker's devices within reach, and counts what it asks for. */
const REACH = `
  self.devices = [];
  self.asked = { adapters: 0, devices: 0 };
  const { requestAdapter } = GPU.prototype;
  GPU.prototype.requestAdapter = function (...all) { self.asked.adapters++; return requestAdapter.apply(this, all); };
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...all) {
    self.asked.devices++;
    const device = await requestDevice.apply(this, all);
    self.devices.push(device);
    return device;
  };
`;

async function inject(context: BrowserContext, script: string): Promise<void> {
  await context.route(/worker-.*\.js$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${REACH}{${script}}\n${await response.text()}` });
  });
}

interface Reached {
  devices: GPUDevice[];
  asked: { adapters: number; devices: number };
}

const inWorker = <T>(page: Page, act: (worker: Reached) => T) => page.workers()[0]!.evaluate<T, string>(
  (code) => (new Function('worker', `return (${code})(worker)`) as (worker: unknown) => T)(self), act.toString());

const destroy = (page: Page) => inWorker(page, (worker) => worker.devices.at(-1)!.destroy());
const asked = (page: Page) => inWorker(page, (worker) => worker.asked);

/** A view with everything in it that must survive: a text, a mode, a flip, a node switched off and a panel. */
const text = 'log = open(name)\nlog.write("several words';
const VIEW = `#v=1&task=single_double_quote&a=${encodeURIComponent(text)}&mode=full&flip=1`;

async function intact(page: Page, numbers: [number, number]): Promise<void> {
  const now = await chances(page);
  for (const side of [0, 1] as const) expect(Math.abs(now[side] - numbers[side])).toBeLessThan(1e-4);
  await expect(page.getByTestId('prompt-a')).toHaveValue(text);
  await expect(page.getByTestId('mode-full')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByTestId('node-panel')).toBeVisible();
  expect(page.url()).toContain('flip=1');
  await expect(page.getByTestId('error')).toHaveCount(0);
}

async function onCpu(page: Page): Promise<[number, number]> {
  await page.goto(`./${VIEW}&backend=cpu`);
  await ready(page);
  await expect(page.getByTestId('backend')).toHaveText('cpu');
  return chances(page);
}

async function onWebGpu(page: Page): Promise<void> {
  // From elsewhere, so that the page starts afresh.
  await page.goto('about:blank');
  await page.goto(`./${VIEW}&backend=webgpu`);
  await ready(page);
  await expect(page.getByTestId('backend')).toHaveText('webgpu');
}

/** The page continues on the CPU, and gives the reason in its footer: `cause` is the error of the browser or of the GPU library. */
async function fellBack(page: Page, reason: string, cause: string | RegExp, numbers: [number, number]): Promise<void> {
  await expect(page.getByTestId('backend')).toHaveText('cpu');
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-reason', reason);
  await expect(page.getByTestId('backend-why')).toContainText(cause);
  await intact(page, numbers);
  // Not only what was there: the next change is answered, too.
  await page.getByTestId('mode-circuit').click();
  const other = await chances(page);
  await page.getByTestId('mode-full').click();
  expect(await chances(page)).not.toEqual(other);
}

test('after the first screen both are measured, the faster one runs, and the footer says so', async ({ page, context }) => {
  await inject(context, '');
  let release = () => {};
  const held = new Promise<void>((done) => (release = done));
  await context.route(/webgpu.*\.(js|wasm)$/, async (route) => {
    await held;
    await route.continue();
  });
  const seen = watch(page);
  await page.goto('./');
  // The first live screen needs nothing of it.
  await ready(page);
  await expect(page.getByTestId('backend')).toHaveText('cpu');
  release();
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-reason', 'measured', { timeout: 30_000 });
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-software', 'true');
  expect(page.url()).not.toContain('backend=');
  expect(await asked(page)).toEqual({ adapters: 2, devices: 1 });
  expect(seen).toEqual({ messages: [], strangers: [] });
});

/** A pass that ends in the turn in which it began is the CPU's, for a device is waited for: each takes a minute more. */
const SLOW_CPU = `
  const now = performance.now.bind(performance);
  let late = 0;
  let began = false;
  performance.now = () => {
    if (began) late += 60_000;
    else queueMicrotask(() => (began = false));
    began = !began;
    return now() + late;
  };`;

test('where a device is measured to be faster it runs, with the same numbers', async ({ page, context }) => {
  await inject(context, SLOW_CPU);
  const numbers = await onCpu(page);
  await page.getByTestId('flip').click();
  const other = await chances(page);
  expect(other).not.toEqual(numbers);
  await page.goto('about:blank');
  await page.goto(`./${VIEW}`);
  // Nobody has chosen it.
  await expect(page.getByTestId('backend')).toHaveText('webgpu');
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-cpu-ms', /^60\d{3}(\.|$)/);
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-webgpu-ms', /^\d{1,4}(\.|$)/);
  await intact(page, numbers);
  expect(page.url()).not.toContain('backend=');
  await page.getByTestId('flip').click();
  const flipped = await chances(page);
  for (const side of [0, 1] as const) expect(Math.abs(flipped[side] - other[side])).toBeLessThan(1e-4);
  await expect(page.getByTestId('backend')).toHaveText('webgpu');
});

test('the user chooses, the link says so, and the numbers agree', async ({ page, context }) => {
  await inject(context, '');
  const numbers = await onCpu(page);
  await expect(page.getByTestId('backend-why')).toHaveAttribute('data-reason', 'chosen');
  expect(await asked(page)).toEqual({ adapters: 0, devices: 0 });
  await page.getByTestId('use-backend').click();
  await expect(page.getByTestId('backend')).toHaveText('webgpu');
  await intact(page, numbers);
  expect(page.url()).toContain('backend=webgpu');
  await page.getByTestId('use-backend').click();
  await expect(page.getByTestId('backend')).toHaveText('cpu');
  await ready(page);
  expect(await chances(page)).toEqual(numbers);
  expect(page.url()).toContain('backend=cpu');
  // There and back asks for one device, not for two.
  await page.getByTestId('use-backend').click();
  await expect(page.getByTestId('backend')).toHaveText('webgpu');
  await ready(page);
  expect(await asked(page)).toEqual({ adapters: 2, devices: 1 });
  await expect(page.getByTestId('undo')).toBeDisabled();
});

test('a lost device: the page continues on the CPU, and can take WebGPU again', async ({ page, context }) => {
  await inject(context, '');
  const numbers = await onCpu(page);
  await onWebGpu(page);
  await destroy(page);
  await fellBack(page, 'failed', 'lost', numbers);
  await page.getByTestId('use-backend').click();
  await expect(page.getByTestId('backend')).toHaveText('webgpu');
  await intact(page, numbers);
});

test('a device lost while it computes: the answer comes from the CPU', async ({ page, context }) => {
  // Every wait for a device's memory loses it.
  await inject(context, `
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = function (...all) {
      if (self.spoil) self.devices.at(-1).destroy();
      return mapAsync.apply(this, all);
    };`);
  const numbers = await onCpu(page);
  await onWebGpu(page);
  await inWorker(page, (worker) => void Object.assign(worker, { spoil: true }));
  await page.getByTestId('mode-circuit').click();
  await ready(page);
  await page.getByTestId('mode-full').click();
  await fellBack(page, 'failed', 'lost', numbers);
});

const broken: [string, string, string, string | RegExp][] = [
  ['a null adapter', 'GPU.prototype.requestAdapter = async () => null;', 'no adapter', ''],
  ['no navigator.gpu', 'delete WorkerNavigator.prototype.gpu;', 'absent', ''],
  ['a refused device', 'GPUAdapter.prototype.requestDevice = async () => { throw new DOMException("not today", "OperationError"); };', 'failed', 'not today'],
  ['no memory', 'GPUDevice.prototype.popErrorScope = async () => new GPUOutOfMemoryError("none left");', 'failed', /out of memory/i],
  ['an error that comes late', `
    const { mapAsync } = GPUBuffer.prototype;
    GPUBuffer.prototype.mapAsync = function (...all) {
      self.devices.at(-1).dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error: new GPUValidationError('something else') }));
      return mapAsync.apply(this, all);
    };`, 'failed', 'something else'],
  ['a trap in the engine', 'GPUDevice.prototype.popErrorScope = async () => new GPUInternalError("no name for it");', 'failed', /unreachable/],
  ['a shader that does not compile', `
    const { createShaderModule } = GPUDevice.prototype;
    GPUDevice.prototype.createShaderModule = function (given) {
      return createShaderModule.call(this, given.label === 'attention' ? { ...given, code: 'fn main( {' } : given);
    };`, 'failed', 'parsing WGSL'],
];

for (const [what, script, reason, cause] of broken) {
  test(`${what}: the page runs on the CPU and says why`, async ({ page, context }) => {
    await inject(context, script);
    const numbers = await onCpu(page);
    await page.goto('about:blank');
    await page.goto(`./${VIEW}&backend=webgpu`);
    await fellBack(page, reason, cause, numbers);
    // What is not there is not offered.
    const final = /^(a null|no navigator|a trap)/.test(what);
    await expect(page.getByTestId('use-backend')).toHaveCount(final ? 0 : 1);
  });
}

test('two tabs at once, and one loses its device', async ({ page, context }) => {
  await inject(context, '');
  const numbers = await onCpu(page);
  const other = await context.newPage();
  await Promise.all([onWebGpu(page), onWebGpu(other)]);
  const [task] = listed().tasks;
  const typed = task!.presets[0]!.b.text;
  for (const tab of [page, other]) await tab.getByTestId('prompt-a').fill(typed);
  expect(await chances(page)).toEqual(await chances(other));
  for (const tab of [page, other]) await tab.getByTestId('prompt-a').fill(text);
  await Promise.all([ready(page), ready(other)]);
  await destroy(page);
  await fellBack(page, 'failed', 'lost', numbers);
  await expect(other.getByTestId('backend')).toHaveText('webgpu');
  await intact(other, numbers);
});
