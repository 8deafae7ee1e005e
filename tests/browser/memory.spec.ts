/** The page's memory does not grow with use. */
import { expect, test, type CDPSession, type Page } from './test';
import { open } from './page';

// A trace keeps snapshots of the page.
test.use({ trace: 'off' });

interface Usage {
  /** On the page's heap. */
  bytes: number;
  promises: number;
}

/** What is in use after a garbage collection. */
async function usage(client: CDPSession): Promise<Usage> {
  await client.send('HeapProfiler.collectGarbage');
  const { usedSize: bytes } = await client.send('Runtime.getHeapUsage');
  const prototype = await client.send('Runtime.evaluate', { expression: 'Promise.prototype' });
  const { objects } = await client.send('Runtime.queryObjects', { prototypeObjectId: prototype.result.objectId! });
  const { result } = await client.send('Runtime.callFunctionOn', {
    objectId: objects.objectId!, functionDeclaration: 'function () { return this.length; }', returnByValue: true,
  });
  await client.send('Runtime.releaseObject', { objectId: objects.objectId! });
  return { bytes, promises: result.value as number };
}

/** Presses Flip `count` times and waits for each answer. */
const flips = (page: Page, count: number) =>
  page.evaluate(async (rest) => {
    const flip = document.querySelector<HTMLButtonElement>('[data-testid=flip]')!;
    const status = document.querySelector('[data-testid=status]')!;
    // Timers wait for at least 4 ms.
    const { port1, port2 } = new MessageChannel();
    for (; rest > 0; rest--) {
      flip.click();
      do await new Promise((done) => {
        port1.onmessage = done;
        port2.postMessage(null);
      });
      while (status.getAttribute('data-state') !== 'ready');
    }
  }, count);

/** RUNS=2000 takes longer than the suite should. */
const FLIPS = Number(process.env['RUNS'] ?? 500);

test('flips leave nothing behind', async ({ page, context }) => {
  test.setTimeout(120_000);
  // A frame at once: the runs do not wait for the screen.
  await page.addInitScript(() => {
    window.requestAnimationFrame = (frame) => {
      queueMicrotask(() => frame(performance.now()));
      return 0;
    };
  });
  // Without a panel a run is quicker.
  await open(page, '#v=1&node=');
  const client = await context.newCDPSession(page);
  await flips(page, 100);
  const early = await usage(client);
  const start = Date.now();
  await flips(page, FLIPS);
  console.log(`${FLIPS} runs in ${Date.now() - start} ms`);
  const late = await usage(client);
  // The page once kept a promise for each answer.
  expect(late.promises - early.promises).toBeLessThan(30);
  // The browser's compiled code takes most of this.
  expect(late.bytes - early.bytes).toBeLessThan(1_500_000);
});
