import { describe, expect, it } from 'vitest';
import { Backends, type CpuSession, type GpuEngine, type GpuSession } from './backends';
import type { BackendState, CircuitInfo, ViewRequest, View } from './protocol';

const request = (task: string, tokens = 14) => ({ task, a: Array<number>(tokens).fill(0) }) as unknown as ViewRequest;
const view = (top: number) => ({ logits: [top, 0], ms: 0 }) as unknown as View;
const bytes = (first: number) => Uint8Array.of(first);

/** A machine with both: the CPU answers 1, the device 2; each pass takes a time of its own. */
class Machine implements CpuSession {
  time = 0;
  cpuMs = 1;
  gpuMs = 5;
  software = false;
  cpuRuns = 0;
  sessions: FakeGpu[] = [];
  reported: BackendState[] = [];
  asked = 0;
  answer: () => Promise<GpuSession | 'absent' | 'no adapter'> = async () => new FakeGpu(this);
  readonly backends: Backends;

  constructor(present = true, engine: GpuEngine = { started: false, trapped: false }) {
    this.backends = new Backends(this, () => (this.asked++, this.answer()), (state) => this.reported.push(state), present, engine, () => this.time);
  }

  addCircuit(): CircuitInfo {
    return {} as CircuitInfo;
  }

  cpuTrap: Error | null = null;
  freed = false;
  free(): void {
    this.freed = true;
  }

  run({ task }: ViewRequest): View {
    if (this.freed) throw new Error('it is gone');
    if (this.cpuTrap) throw this.cpuTrap;
    this.cpuRuns++;
    this.time += this.cpuMs;
    if (task === 'bad') throw new Error('no such task');
    return view(1);
  }
}

class FakeGpu implements GpuSession {
  circuits: number[] = [];
  runs = 0;
  closed = false;
  /** In place of an answer. */
  failing: (() => Promise<View>) | null = null;
  lose!: (why: string) => void;
  private busy = false;
  private readonly loss = new Promise<string>((resolve) => (this.lose = resolve));

  constructor(private readonly machine: Machine) {
    machine.sessions.push(this);
  }

  addCircuit(json: Uint8Array): void {
    if (this.busy) throw new Error('two calls at once');
    this.circuits.push(json[0]!);
  }

  async run({ task }: ViewRequest): Promise<View> {
    if (this.busy) throw new Error('two calls at once');
    this.busy = true;
    await Promise.resolve();
    this.busy = false;
    this.runs++;
    this.machine.time += this.machine.gpuMs;
    if (this.failing) return this.failing();
    if (task === 'bad') throw new Error('no such task');
    return view(2);
  }

  isSoftware(): boolean {
    return this.machine.software;
  }

  trouble(): Promise<string> {
    return this.loss;
  }

  close(): void {
    this.closed = true;
  }
}

const settle = () => new Promise((done) => setTimeout(done));
const top = async (machine: Machine, task = 'a') => (await machine.backends.run(request(task))).view.logits[0];

describe('the choice', () => {
  it('is the CPU where a pass takes longer on the device', async () => {
    const machine = new Machine();
    machine.backends.addCircuit(bytes(7));
    await top(machine);
    expect(machine.backends.state).toEqual({ name: 'cpu', reason: { kind: 'first' }, other: null });
    await machine.backends.detect();
    expect(machine.backends.state).toEqual({ name: 'cpu', reason: { kind: 'measured', cpu: 1, webgpu: 5, software: false }, other: 'webgpu' });
    expect(machine.sessions[0]!.circuits).toEqual([7]);
    expect(await top(machine)).toBe(1);
  });
  it('is the device where that is faster, and its first pass does not count', async () => {
    const machine = new Machine();
    Object.assign(machine, { cpuMs: 30, gpuMs: 2 });
    await top(machine);
    await machine.backends.detect();
    expect(machine.backends.state).toEqual({ name: 'webgpu', reason: { kind: 'measured', cpu: 30, webgpu: 2, software: false }, other: 'cpu' });
    expect(machine.sessions[0]!.runs).toBe(6);
    // One slow pass says enough.
    expect(machine.cpuRuns).toBe(2);
    expect(await top(machine)).toBe(2);
    machine.backends.addCircuit(bytes(8));
    expect(await top(machine)).toBe(2);
    expect(machine.sessions[0]!.circuits).toEqual([8]);
  });
  it('is made once', async () => {
    const machine = new Machine();
    await top(machine);
    await Promise.all([machine.backends.detect(), machine.backends.detect()]);
    await machine.backends.detect();
    expect(machine.asked).toBe(1);
  });
  it('is made again for a text of another length, once for each', async () => {
    const machine = new Machine();
    await top(machine);
    await machine.backends.detect();
    expect(machine.backends.state.name).toBe('cpu');
    const detect = async (tokens: number) => {
      await machine.backends.run(request('a', tokens));
      await Promise.all([machine.backends.detect(), machine.backends.detect()]);
      return machine.backends.state;
    };
    machine.cpuMs = 30;
    const runs = machine.sessions[0]!.runs;
    expect(await detect(20)).toMatchObject({ name: 'cpu' });
    expect(machine.sessions[0]!.runs).toBe(runs);
    expect(await detect(200)).toMatchObject({ name: 'webgpu', reason: { kind: 'measured', cpu: 30 } });
    expect(await detect(14)).toMatchObject({ name: 'cpu', reason: { kind: 'measured', cpu: 1 } });
    const passes = machine.sessions[0]!.runs;
    expect(await detect(250)).toMatchObject({ name: 'webgpu' });
    expect(machine.sessions[0]!.runs).toBe(passes);
  });
  it('stands on a software adapter, which is slow at any length', async () => {
    const machine = new Machine();
    machine.software = true;
    await top(machine);
    await machine.backends.detect();
    const { runs } = machine.sessions[0]!;
    await machine.backends.run(request('a', 200));
    await machine.backends.detect();
    expect(machine.sessions[0]!.runs).toBe(runs);
  });
  it('is the user\'s: with the CPU no device is asked for', async () => {
    const machine = new Machine();
    await machine.backends.use('cpu');
    await top(machine);
    await machine.backends.detect();
    expect(machine.asked).toBe(0);
    expect(machine.backends.state).toEqual({ name: 'cpu', reason: { kind: 'chosen' }, other: 'webgpu' });
    await machine.backends.use('webgpu');
    expect(machine.backends.state).toEqual({ name: 'webgpu', reason: { kind: 'chosen' }, other: 'cpu' });
    expect(await top(machine)).toBe(2);
    await machine.backends.use(null);
    expect(machine.backends.state).toMatchObject({ name: 'cpu', reason: { kind: 'measured' } });
    expect(machine.asked).toBe(1);
  });
});

describe('without a device', () => {
  it('nothing is asked for where the browser has no WebGPU', async () => {
    const machine = new Machine(false);
    await top(machine);
    await machine.backends.detect();
    await machine.backends.use('webgpu');
    expect(machine.asked).toBe(0);
    expect(machine.backends.state).toEqual({ name: 'cpu', reason: { kind: 'absent' }, other: null });
  });
  it('a browser without an adapter is asked once', async () => {
    const machine = new Machine();
    machine.answer = async () => 'no adapter';
    await machine.backends.use('webgpu');
    await machine.backends.use('webgpu');
    expect(machine.asked).toBe(1);
    expect(machine.backends.state).toEqual({ name: 'cpu', reason: { kind: 'no adapter' }, other: null });
  });
  it('a device that is refused says why, and can be asked for again', async () => {
    const machine = new Machine();
    machine.answer = async () => Promise.reject(new Error('refused'));
    await top(machine);
    await machine.backends.detect();
    expect(machine.backends.state).toEqual({ name: 'cpu', reason: { kind: 'failed', error: 'refused' }, other: 'webgpu' });
    machine.answer = async () => new FakeGpu(machine);
    await machine.backends.use('webgpu');
    expect(machine.backends.state.name).toBe('webgpu');
  });
});

describe('a device that fails', () => {
  async function onDevice(): Promise<{ machine: Machine; gpu: FakeGpu }> {
    const machine = new Machine();
    await machine.backends.use('webgpu');
    return { machine, gpu: machine.sessions[0]! };
  }
  const failed = (error: string, other: 'webgpu' | null = 'webgpu') => ({ name: 'cpu', reason: { kind: 'failed', error }, other });

  it('in a run: the CPU answers', async () => {
    const { machine, gpu } = await onDevice();
    gpu.failing = () => Promise.reject(new Error('out of memory'));
    expect(await top(machine)).toBe(1);
    expect(machine.reported.at(-1)).toEqual(failed('out of memory'));
    expect(gpu.closed).toBe(true);
  });
  it('while nothing runs: the page is informed', async () => {
    const { machine, gpu } = await onDevice();
    gpu.lose('lost');
    await settle();
    expect(machine.reported.at(-1)).toEqual(failed('lost'));
    expect(await top(machine)).toBe(1);
  });
  it('and never answers: the run is done again', async () => {
    const { machine, gpu } = await onDevice();
    gpu.failing = () => new Promise(() => {});
    const answer = top(machine);
    await settle();
    gpu.lose('lost');
    expect(await answer).toBe(1);
  });
  it('by a trap: for good', async () => {
    const { machine, gpu } = await onDevice();
    gpu.failing = () => new Promise(() => {});
    const answer = top(machine);
    await settle();
    expect(machine.backends.panicked(new WebAssembly.RuntimeError('unreachable'))).toBe(true);
    expect(await answer).toBe(1);
    await settle();
    expect(machine.reported.at(-1)).toEqual(failed('unreachable', null));
    // A late one changes nothing.
    expect(machine.backends.panicked(new Error('once more'))).toBe(true);
    expect(machine.backends.state).toEqual(failed('unreachable', null));
    expect(new Machine().backends.panicked(new Error('not mine'))).toBe(false);
  });
  it('by a trap while it starts: for good', async () => {
    const machine = new Machine();
    machine.answer = () => new Promise(() => {});
    const used = machine.backends.use('webgpu');
    expect(machine.backends.panicked(new Error('unreachable'))).toBe(true);
    await used;
    expect(machine.backends.state).toEqual(failed('unreachable', null));
  });
  it('but is not to blame for what the CPU refuses as well', async () => {
    const { machine } = await onDevice();
    await expect(machine.backends.run(request('bad'))).rejects.toThrow('no such task');
    expect(machine.backends.state.name).toBe('webgpu');
    expect(await top(machine)).toBe(2);
  });
  it('but is not to blame for a trap of the CPU in a benchmark', async () => {
    const machine = new Machine();
    await top(machine);
    machine.cpuTrap = new WebAssembly.RuntimeError('unreachable');
    await machine.backends.detect();
    expect(machine.sessions[0]!.closed).toBe(false);
    expect(machine.backends.state).toEqual({ name: 'cpu', reason: { kind: 'first' }, other: 'webgpu' });
    // The page learns of it with the next run, and restarts the engine.
    await expect(top(machine)).rejects.toThrow('unreachable');
  });
  it('but is not to blame for a request that was refused before the benchmark', async () => {
    const machine = new Machine();
    await top(machine);
    await expect(machine.backends.run(request('bad'))).rejects.toThrow('no such task');
    await machine.backends.detect();
    expect(machine.backends.state.reason.kind).toBe('measured');
  });
  it('while it is measured', async () => {
    const machine = new Machine();
    machine.answer = async () => Object.assign(new FakeGpu(machine), { failing: () => Promise.reject(new Error('a shader')) });
    await top(machine);
    await machine.backends.detect();
    expect(machine.backends.state).toEqual(failed('a shader'));
  });
});

describe('a model that gives way to another', () => {
  it('closes its device, and says nothing more', async () => {
    const machine = new Machine();
    await top(machine);
    await machine.backends.use('webgpu');
    const reported = machine.reported.length;
    let answer!: () => void;
    machine.sessions[0]!.failing = () => new Promise((done) => (answer = () => done(view(2))));
    const last = machine.backends.run(request('a'));
    await settle();
    machine.backends.close();
    await settle();
    // Its last run has its answer first.
    expect([machine.freed, machine.sessions[0]!.closed]).toEqual([true, false]);
    answer();
    expect((await last).view.logits[0]).toBe(2);
    await settle();
    expect(machine.sessions[0]!.closed).toBe(true);
    machine.sessions[0]!.lose('the device was lost');
    await settle();
    await machine.backends.detect();
    await machine.backends.use('webgpu');
    expect([machine.reported.length, machine.asked]).toEqual([reported, 1]);
  });
  it('leaves an engine that has trapped alone', async () => {
    const engine = { started: false, trapped: false };
    const before = new Machine(true, engine);
    await top(before);
    await before.backends.use('webgpu');
    expect(before.backends.panicked(new Error('unreachable'))).toBe(true);
    await settle();
    const after = new Machine(true, engine);
    await top(after);
    await after.backends.use('webgpu');
    expect(after.asked).toBe(0);
    expect(after.backends.state).toMatchObject({ name: 'cpu', reason: { kind: 'failed' }, other: null });
    // What the old engine still says belongs to nobody's call.
    expect(after.backends.panicked(new Error('late'))).toBe(true);
  });
  it('closes a device that comes too late', async () => {
    const machine = new Machine();
    await top(machine);
    const detecting = machine.backends.detect();
    machine.backends.close();
    await detecting;
    expect(machine.sessions[0]!.closed).toBe(true);
    expect(machine.reported).toEqual([]);
  });
});
