/** An answer is not kept in memory after the page has dropped it. */
import { expose } from 'comlink';
import { expect, it } from 'vitest';
import { Backends } from './backends';
import { Client } from './client';

declare const gc: () => void;

/** Runs `act` and returns how many of its results are still in memory afterwards. */
async function kept(count: number, act: () => Promise<object>): Promise<number> {
  const results: WeakRef<object>[] = [];
  for (let index = 0; index < count; index++) results.push(new WeakRef(await act()));
  for (let round = 0; round < 3; round++) {
    await new Promise((done) => setTimeout(done));
    gc();
  }
  return results.filter((result) => result.deref() !== undefined).length;
}

it('keeps no answer in the client', async () => {
  const { port1, port2 } = new MessageChannel();
  const api = { run: async () => ({ numbers: new Float32Array(1000) }) };
  expose(api, port2);
  port1.start();
  const client = new Client<typeof api>({ start: () => Object.assign(port1, { terminate: () => port1.close() }) as unknown as Worker, setup: [], describe: String, onRestart: () => {} });
  expect(await kept(50, () => client.calls.run())).toBeLessThanOrEqual(1);
});

it('keeps no answer of a device', async () => {
  const session = {
    addCircuit: () => ({}), run: async () => ({ ms: 0 }), isSoftware: () => false, trouble: () => new Promise(() => {}), close() {}, free() {},
  } as never;
  const backends = new Backends(session, async () => session, () => {}, true);
  await backends.use('webgpu');
  expect(await kept(50, async () => (await backends.run({} as never)).view)).toBeLessThanOrEqual(1);
});
