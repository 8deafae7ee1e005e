import { expose } from 'comlink';
import { describe, expect, it, vi } from 'vitest';
import { Client } from './client';
import type { FailureKind } from './protocol';

/** The calls of a small worker. */
interface Adder {
  open(start: number, onProgress: (done: number) => void): Promise<number>;
  mode(name: string): Promise<void>;
  add(value: number): Promise<number>;
  wait(): Promise<number>;
  hold(): Promise<string>;
}

/** A worker in this thread. It is set up by `open` and traps as often as the world asks it to. */
class FakeWorker {
  private readonly channel = new MessageChannel();
  private readonly listeners: [string, EventListener][] = [];
  private sum: number | null = null;
  mode = '';
  terminated = false;
  /** Answers the call of `hold`. */
  release = (_answer: string): void => {};


  constructor(private readonly world: World) {
    const api: Adder = {
      open: async (start, onProgress) => {
        world.log.push(`open ${start}`);
        if (world.offline) throw new Error('no connection');
        onProgress(1);
        return (this.sum = start);
      },
      mode: async (name) => {
        world.log.push(`mode ${name}`);
        this.mode = name;
      },
      add: async (value) => {
        world.log.push(`add ${value}`);
        if (world.traps > 0) {
          world.traps--;
          throw new WebAssembly.RuntimeError('unreachable');
        }
        if (this.sum === null) throw new Error('not open');
        if (value < 0) throw new Error('negative');
        return this.sum + value;
      },
      wait: () => new Promise(() => {}),
      hold: () => new Promise((resolve) => {
        world.log.push('hold');
        this.release = resolve;
      }),
    };
    expose(api, this.channel.port2);
    this.channel.port1.start();
  }

  /** An error outside any call. */
  crash(): void {
    for (const [kind, listener] of this.listeners) if (kind === 'error') listener(new Event('error'));
  }

  postMessage(message: unknown, transfer: Transferable[] = []): void {
    this.channel.port1.postMessage(message, transfer);
  }

  addEventListener(kind: string, listener: EventListener): void {
    this.listeners.push([kind, listener]);
    this.channel.port1.addEventListener(kind, listener);
  }

  removeEventListener(kind: string, listener: EventListener): void {
    this.channel.port1.removeEventListener(kind, listener);
  }

  terminate(): void {
    this.terminated = true;
    if (!this.world.lingers) this.channel.port1.close();
  }
}

class World {
  workers: FakeWorker[] = [];
  log: string[] = [];
  restarts: string[] = [];
  traps = 0;
  offline = false;
  /** Whether answers of a terminated worker still arrive. */
  lingers = false;
  readonly client = new Client<Adder>({
    start: () => {
      const worker = new FakeWorker(this);
      this.workers.push(worker);
      return worker as unknown as Worker;
    },
    setup: ['open', 'mode'],
    describe: (kind, cause) => `${kind}: ${cause}`,
    onRestart: (cause) => this.restarts.push(cause),
  });
  readonly calls = this.client.calls;

  async opened(): Promise<this> {
    await this.calls.open(10, () => {});
    this.log.length = 0;
    return this;
  }

  get last(): FakeWorker {
    return this.workers.at(-1)!;
  }
}

const failure = (kind: FailureKind) => ({ kind });

describe('a worker that works', () => {
  it('answers, reports and refuses', async () => {
    const { calls, workers } = new World();
    const progress: number[] = [];
    expect(await calls.open(10, (done) => progress.push(done))).toBe(10);
    expect(progress).toEqual([1]);
    expect(await calls.add(1)).toBe(11);
    await expect(calls.add(-1)).rejects.toThrow('negative');
    expect(workers).toHaveLength(1);
  });
  it('ends with the client', () => {
    const { client, last } = new World();
    client.close();
    expect(last.terminated).toBe(true);
  });
});

describe('a worker that traps', () => {
  it('is restarted, set up again, and the call is repeated', async () => {
    const world = await new World().opened();
    world.traps = 1;
    expect(await world.calls.add(1)).toBe(11);
    expect(world.log).toEqual(['add 1', 'open 10', 'add 1']);
    expect(world.workers.map((worker) => worker.terminated)).toEqual([true, false]);
    expect(world.restarts).toEqual(['unreachable']);
  });
  it('gets the latest setup', async () => {
    const world = await new World().opened();
    await world.calls.mode('old');
    await world.calls.open(20, () => {});
    world.traps = 1;
    expect(await world.calls.add(1)).toBe(21);
    // The mode belonged to what was open before.
    expect(world.last.mode).toBe('');
    await world.calls.mode('new');
    world.traps = 1;
    await world.calls.add(1);
    expect(world.last.mode).toBe('new');
  });
  it('answers all pending calls', async () => {
    const world = await new World().opened();
    world.traps = 1;
    expect(await Promise.all([world.calls.add(1), world.calls.add(2), world.calls.mode('x')])).toEqual([11, 12, undefined]);
    expect(world.last.mode).toBe('x');
    expect(world.workers).toHaveLength(2);
  });
  it('twice at one call refuses that call and answers the next one', async () => {
    const world = await new World().opened();
    world.traps = 2;
    await expect(world.calls.add(1)).rejects.toMatchObject(failure('failed'));
    expect(await world.calls.add(2)).toBe(12);
    expect(world.workers).toHaveLength(3);
  });
  it('three times in a row is not started again', async () => {
    const world = await new World().opened();
    world.traps = 3;
    await expect(world.calls.add(1)).rejects.toMatchObject(failure('failed'));
    await expect(world.calls.add(2)).rejects.toMatchObject(failure('stopped'));
    await expect(world.calls.add(3)).rejects.toMatchObject(failure('stopped'));
    expect(world.workers).toHaveLength(3);
    expect(world.last.terminated).toBe(true);
  });
  it('with answers between is started again each time', async () => {
    const world = await new World().opened();
    for (let round = 0; round < 5; round++) {
      world.traps = 1;
      expect(await world.calls.add(1)).toBe(11);
    }
    expect(world.workers).toHaveLength(6);
  });
  it('before it is set up is not repeated', async () => {
    const world = new World();
    world.traps = 1;
    await expect(world.calls.add(1)).rejects.toMatchObject(failure('not started'));
    expect(world.log).toEqual(['add 1']);
    // Another attempt gets another worker.
    expect(await world.calls.open(5, () => {})).toBe(5);
    expect(await world.calls.add(1)).toBe(6);
    expect(world.restarts).toEqual([]);
  });
  it('cannot be set up without its files, and the next call tries again', async () => {
    const world = await new World().opened();
    world.traps = 1;
    world.offline = true;
    await expect(world.calls.add(1)).rejects.toThrow('no connection');
    world.offline = false;
    expect(await world.calls.add(1)).toBe(11);
  });
});

describe('a worker that crashes outside any call', () => {
  it('is restarted with the next call', async () => {
    const world = await new World().opened();
    world.last.crash();
    expect(await world.calls.add(1)).toBe(11);
    expect(world.workers).toHaveLength(2);
  });
  it('is restarted for the pending calls', async () => {
    const world = await new World().opened();
    const answer = world.calls.wait();
    world.last.crash();
    expect(world.workers).toHaveLength(2);
    world.last.crash();
    await expect(answer).rejects.toMatchObject(failure('failed'));
    expect(await world.calls.add(1)).toBe(11);
    expect(world.workers).toHaveLength(3);
  });
  it('is not believed any more, even if its answer still comes', async () => {
    const world = await new World().opened();
    world.lingers = true;
    const answers: string[] = [];
    const call = world.calls.hold().then((answer) => answers.push(answer));
    await vi.waitFor(() => expect(world.log).toEqual(['hold']));
    const old = world.last;
    old.crash();
    await vi.waitFor(() => expect(world.log).toEqual(['hold', 'open 10', 'hold']));
    old.release('old');
    for (let answered = 0; answered < 5; answered++) await world.calls.add(1);
    expect(answers).toEqual([]);
    world.last.release('new');
    await call;
    expect(answers).toEqual(['new']);
  });
});
