/**
 * Selects the backend that runs the model. The CPU is always available. WebGPU is detected and benchmarked after the first screen is
 * live. When WebGPU fails, the CPU repeats the current run and the footer gives the reason.
 */
import { messageOf } from '../domain/errors';
import { Pending } from './pending';
import { isTrap } from './trap';
import type { BackendName, BackendReason, BackendState, CircuitInfo, ViewRequest, View } from './protocol';

export interface CpuSession {
  addCircuit(json: Uint8Array): CircuitInfo;
  run(request: ViewRequest): View;
  /** Frees the model's memory. No call is allowed afterwards. */
  free(): void;
}

/** Takes one call at a time: the caller waits for each answer. */
export interface GpuSession {
  addCircuit(json: Uint8Array): unknown;
  run(request: ViewRequest): Promise<View>;
  /** True if the adapter computes on the CPU. */
  isSoftware(): boolean;
  /** Resolves with an error text when the device fails, even while nothing runs. */
  trouble(): Promise<string>;
  close(): void;
}

/** The state of the WebGPU engine. All models of a page share it. */
export interface GpuEngine {
  /**
   * True once a device has been requested. From then on, an error outside any call comes from the WebGPU engine: every CPU error belongs
   * to a call.
   */
  started: boolean;
  /** True after a trap. The wasm module is then in an undefined state and must not be used again. */
  trapped: boolean;
}

/** A benchmark runs at least one pass. It ends after `MAX_PASSES` or after `MAX_MS` milliseconds. */
const MAX_PASSES = 5;
const MAX_MS = 10;

type Measured = BackendReason & { kind: 'measured' };

/**
 * Prompts of one length class share a benchmark. Each class is four times as long as the one before: the CPU's time grows with the
 * length, a GPU's time hardly does.
 */
const lengthClass = ({ a }: ViewRequest): number => Math.round(Math.log2(a.length) / 2);

export class Backends {
  private gpu: Device | null = null;
  private acquiring: Promise<void> | null = null;
  private failure: BackendReason | null;
  /** True if another request for a device cannot succeed. */
  private unavailable: boolean;
  private preference: BackendName | null = null;
  private detected = false;
  /** Benchmarks by length class. */
  private readonly benchmarks = new Map<number, Measured>();
  /** The benchmark that decides at present. */
  private measured: Measured | null = null;
  private benchmarking: Promise<void> | null = null;
  private circuits: Uint8Array[] = [];
  /** The latest request that was answered. */
  private latest: ViewRequest | null = null;
  private closed = false;
  /** The steps until a device is ready. A trap of the WebGPU engine ends them. */
  private readonly opening = new Pending();
  state: BackendState;

  /** `present`: whether the browser has WebGPU. */
  constructor(
    private readonly cpu: CpuSession,
    private readonly openGpu: () => Promise<GpuSession | 'absent' | 'no adapter'>,
    private readonly report: (state: BackendState) => void,
    present: boolean,
    private readonly engine: GpuEngine = { started: false, trapped: false },
    private readonly now: () => number = () => performance.now(),
  ) {
    this.unavailable = !present || engine.trapped;
    this.failure = !present ? { kind: 'absent' } : engine.trapped ? { kind: 'failed', error: 'its engine stopped' } : null;
    this.state = this.selected();
  }

  addCircuit(json: Uint8Array): CircuitInfo {
    const info = this.cpu.addCircuit(json);
    this.circuits.push(json);
    const { gpu } = this;
    gpu?.call((session) => session.addCircuit(json)).catch((error: unknown) => this.drop(gpu, error));
    return info;
  }

  async run(request: ViewRequest): Promise<{ view: View; backend: BackendName }> {
    const answer = await this.compute(request);
    this.latest = request;
    return answer;
  }

  private async compute(request: ViewRequest): Promise<{ view: View; backend: BackendName }> {
    const gpu = this.state.name === 'webgpu' ? this.gpu : null;
    if (!gpu) return { view: this.onCpu(request), backend: 'cpu' };
    try {
      return { view: await this.onGpu(gpu, request), backend: 'webgpu' };
    } catch (error) {
      // If the CPU fails as well, the request is at fault and the device is kept.
      const view = this.onCpu(request);
      this.drop(gpu, error);
      return { view, backend: 'cpu' };
    }
  }

  /** Without a preference of the user: detects WebGPU once, and benchmarks it once for each length class. */
  async detect(): Promise<void> {
    if (this.preference !== null || this.closed) return;
    if (!this.detected) return this.use(null);
    // A software adapter is slower at every length.
    if (!this.gpu || this.gpu.software) return;
    await this.benchmark(this.gpu);
    // A prompt of another length may have arrived meanwhile.
    if (this.gpu && this.latest && !this.benchmarks.has(lengthClass(this.latest))) await this.benchmark(this.gpu);
    this.select();
  }

  /** Never rejects: failures are reported as the state's reason. */
  async use(preference: BackendName | null): Promise<void> {
    if (this.closed) return;
    this.preference = preference;
    this.detected ||= preference === null;
    if (preference !== 'cpu') await this.acquireGpu();
    const { gpu } = this;
    if (this.preference === null && gpu) await this.benchmark(gpu);
    this.select();
  }

  /** Handles an error outside any call. Returns true if the WebGPU engine caused it; that engine is then never used again. */
  panicked(error: unknown): boolean {
    if (!this.engine.started) return false;
    this.unavailable = this.engine.trapped = true;
    this.opening.fail(error);
    this.gpu?.fail(error);
    return true;
  }

  private acquireGpu(): Promise<void> {
    if (this.gpu || this.unavailable) return Promise.resolve();
    this.acquiring ??= this.startGpu().finally(() => (this.acquiring = null));
    return this.acquiring;
  }

  private async startGpu(): Promise<void> {
    this.engine.started = true;
    try {
      const session = await this.opening.guard(this.openGpu());
      if (typeof session === 'string') {
        this.failure = { kind: session };
        this.unavailable = true;
        return;
      }
      if (this.closed) {
        session.close();
        return;
      }
      const gpu: Device = new Device(session, (error) => this.drop(gpu, error));
      for (const json of this.circuits) await this.opening.guard(gpu.call(() => session.addCircuit(json)));
      this.failure = null;
      this.gpu = gpu;
    } catch (error) {
      this.failure = { kind: 'failed', error: messageOf(error) };
    }
  }

  private benchmark(gpu: Device): Promise<void> {
    this.benchmarking ??= this.runBenchmark(gpu)
      .catch((error: unknown) => this.drop(gpu, error))
      .finally(() => (this.benchmarking = null));
    return this.benchmarking;
  }

  /** Times the latest request on both backends. The first pass on a device compiles its kernels and does not count. */
  private async runBenchmark(gpu: Device): Promise<void> {
    const { latest } = this;
    if (!latest) return;
    const length = lengthClass(latest);
    if (!this.benchmarks.has(length)) {
      await this.onGpu(gpu, latest);
      const webgpu = await this.median(() => this.onGpu(gpu, latest));
      // An error of the CPU is not the device's. The next call on the CPU fails as well and reports it.
      const cpu = await this.median(() => this.onCpu(latest)).catch(() => null);
      if (cpu === null) return;
      this.benchmarks.set(length, { kind: 'measured', cpu, webgpu, software: gpu.software });
    }
    this.measured = this.benchmarks.get(length)!;
  }

  private async median(run: () => View | Promise<View>): Promise<number> {
    const times: number[] = [];
    for (let spent = 0; times.length < MAX_PASSES && (times.length === 0 || spent < MAX_MS); ) {
      const { ms } = await run();
      times.push(ms);
      spent += ms;
    }
    return times.sort((left, right) => left - right)[times.length >> 1]!;
  }

  private onCpu(request: ViewRequest): View {
    const start = this.now();
    const view = this.cpu.run(request);
    view.ms = this.now() - start;
    return view;
  }

  private onGpu(gpu: Device, request: ViewRequest): Promise<View> {
    return gpu.call(async (session) => {
      const start = this.now();
      const view = await session.run(request);
      view.ms = this.now() - start;
      return view;
    });
  }

  /** Releases the model. A run in progress is answered first. */
  close(): void {
    this.closed = true;
    this.gpu?.close();
    this.gpu = null;
    this.cpu.free();
  }

  private drop(gpu: Device | null, error: unknown): void {
    if (!gpu || gpu !== this.gpu) return;
    this.engine.trapped ||= isTrap(error);
    this.unavailable ||= this.engine.trapped;
    this.failure = { kind: 'failed', error: messageOf(error) };
    this.benchmarks.clear();
    this.measured = null;
    this.gpu = null;
    gpu.close();
    this.select();
  }

  private selected(): BackendState {
    const { gpu, preference, measured } = this;
    const faster = measured !== null && measured.webgpu < measured.cpu;
    const name = gpu && (preference === 'webgpu' || (preference === null && faster)) ? 'webgpu' : 'cpu';
    const known = gpu || this.failure || this.detected || preference !== null;
    const other = name === 'webgpu' ? 'cpu' : this.unavailable || !known ? null : 'webgpu';
    const reason = this.failure && preference !== 'cpu' ? this.failure : preference !== null ? { kind: 'chosen' as const } : (measured ?? { kind: 'first' as const });
    return { name, reason, other };
  }

  private select(): void {
    const state = this.selected();
    if (this.closed || JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.state = state;
    this.report(state);
  }
}

/** A session that runs one call at a time. Its calls fail as soon as the device does. */
class Device {
  readonly software: boolean;
  private readonly pending = new Pending();
  private last: Promise<unknown> = Promise.resolve();

  /** `onFailure` is called when the device fails outside a call. */
  constructor(
    private readonly session: GpuSession,
    private readonly onFailure: (error: unknown) => void,
  ) {
    this.software = session.isSoftware();
    session.trouble().then((error) => this.fail(new Error(error)), (error: unknown) => this.fail(error));
  }

  call<T>(task: (session: GpuSession) => T | Promise<T>): Promise<T> {
    const result = this.last.then(() => this.pending.guard(Promise.resolve(task(this.session))));
    this.last = result.catch(() => {});
    return result;
  }

  /** The device answers no call any more, not even the one in progress. */
  fail(error: unknown): void {
    this.pending.fail(error);
    this.onFailure(error);
  }

  /** Closes the session after the call in progress. If the device never answers that call, the session refuses to close and is dropped. */
  close(): void {
    void this.last.then(() => this.session.close()).catch(() => {});
  }
}
