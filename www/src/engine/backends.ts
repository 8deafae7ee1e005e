/**
 * Which backend runs the model. The CPU is always there; WebGPU is looked for once the first screen is live, measured against it, and
 * given up when it fails: the run at hand is done again on the CPU, so that nobody notices but by the footer.
 */
import type { BackendName, BackendReason, BackendState, CircuitInfo, ViewRequest, View } from './protocol';

export interface CpuSession {
  addCircuit(json: Uint8Array): CircuitInfo;
  run(request: ViewRequest): View;
  /** Gives the model's memory back; nothing can be run after. */
  free(): void;
}

/** One call at a time: the next must wait for the answer. */
export interface GpuSession {
  addCircuit(json: Uint8Array): unknown;
  run(request: ViewRequest): Promise<View>;
  /** Whether the adapter computes on the CPU. */
  isSoftware(): boolean;
  /** Resolves when something goes wrong on the device, also while nothing runs. */
  trouble(): Promise<string>;
  close(): void;
}

/** What is known of the WebGPU engine, which all models of a page share. */
export interface GpuEngine {
  /** Whether a device has ever been asked for: errors of no call are this engine's from then on, for the CPU's are all some call's. */
  started: boolean;
  /** A trap leaves its wasm module in any state: it is not to be used again. */
  trapped: boolean;
}

/** A measurement ends after so many passes, or when these milliseconds are over; one pass at least. */
const PASSES = 5;
const ENOUGH = 10;

type Measured = BackendReason & { kind: 'measured' };

/** A text of four times as many tokens is measured for itself: on a device it hardly takes longer, on the CPU it does. */
const lengthClass = ({ a }: ViewRequest): number => Math.round(Math.log2(a.tokens.length) / 2);

export class Backends {
  private gpu: Device | null = null;
  private looking: Promise<void> | null = null;
  private failure: BackendReason | null;
  /** Nothing is there, so asking again would be in vain. */
  private final: boolean;
  private wish: BackendName | null = null;
  private considered = false;
  /** By length class; the one in force. */
  private readonly known = new Map<number, Measured>();
  private measured: Measured | null = null;
  private weighing: Promise<void> | null = null;
  private circuits: Uint8Array[] = [];
  private latest: ViewRequest | null = null;
  private closed = false;
  private breaks!: (error: unknown) => void;
  /** Rejects when the WebGPU engine has trapped: it answers no call any more, not even those that wait. */
  private readonly broken = new Promise<never>((_, reject) => (this.breaks = reject));
  state: BackendState;

  /** `find` asks for a device; `present` says whether the browser has WebGPU at all. */
  constructor(
    private readonly cpu: CpuSession,
    private readonly find: () => Promise<GpuSession | 'absent' | 'no adapter'>,
    private readonly tell: (state: BackendState) => void,
    present: boolean,
    private readonly engine: GpuEngine = { started: false, trapped: false },
    private readonly now: () => number = () => performance.now(),
  ) {
    this.broken.catch(() => {});
    this.final = !present || engine.trapped;
    this.failure = !present ? { kind: 'absent' } : engine.trapped ? { kind: 'failed', error: 'its engine stopped' } : null;
    this.state = this.judged();
  }

  addCircuit(json: Uint8Array): CircuitInfo {
    const info = this.cpu.addCircuit(json);
    this.circuits.push(json);
    const { gpu } = this;
    gpu?.turn((session) => session.addCircuit(json)).catch((error: unknown) => this.drop(gpu, error));
    return info;
  }

  async run(request: ViewRequest): Promise<{ view: View; backend: BackendName }> {
    this.latest = request;
    const gpu = this.state.name === 'webgpu' ? this.gpu : null;
    if (!gpu) return { view: this.onCpu(request), backend: 'cpu' };
    try {
      return { view: await this.onGpu(gpu, request), backend: 'webgpu' };
    } catch (error) {
      // What the CPU refuses as well is the request's fault, not the device's.
      const view = this.onCpu(request);
      this.drop(gpu, error);
      return { view, backend: 'cpu' };
    }
  }

  /** Where the user has not said what to run on: looks for WebGPU, once, and measures it, once for each length class. */
  async consider(): Promise<void> {
    if (this.wish !== null || this.closed) return;
    if (!this.considered) return this.use(null);
    // A software adapter is slower at any length.
    if (!this.gpu || this.gpu.software) return;
    await this.weigh(this.gpu);
    // Another length may have come up meanwhile.
    if (this.gpu && this.latest && !this.known.has(lengthClass(this.latest))) await this.weigh(this.gpu);
    this.judge();
  }

  /** Never rejects: what goes wrong is told. */
  async use(wish: BackendName | null): Promise<void> {
    if (this.closed) return;
    this.wish = wish;
    this.considered ||= wish === null;
    if (wish !== 'cpu') await this.look();
    const { gpu } = this;
    if (this.wish === null && gpu) await this.weigh(gpu);
    this.judge();
  }

  /** An error that belongs to no call. Whether it is the WebGPU engine's, which is then given up for good. */
  panicked(error: unknown): boolean {
    if (!this.engine.started) return false;
    this.final = this.engine.trapped = true;
    this.breaks(error);
    return true;
  }

  private look(): Promise<void> {
    if (this.gpu || this.final) return Promise.resolve();
    this.looking ??= this.start().finally(() => (this.looking = null));
    return this.looking;
  }

  private async start(): Promise<void> {
    this.engine.started = true;
    try {
      const session = await Promise.race([this.find(), this.broken]);
      if (typeof session === 'string') {
        this.failure = { kind: session };
        this.final = true;
        return;
      }
      if (this.closed) {
        session.close();
        return;
      }
      const gpu = new Device(session, this.broken);
      for (const json of this.circuits) await gpu.turn(() => session.addCircuit(json));
      this.failure = null;
      this.gpu = gpu;
      gpu.lost.catch((error: unknown) => this.drop(gpu, error));
    } catch (error) {
      this.failure = { kind: 'failed', error: text(error) };
    }
  }

  private weigh(gpu: Device): Promise<void> {
    this.weighing ??= this.measure(gpu)
      .catch((error: unknown) => this.drop(gpu, error))
      .finally(() => (this.weighing = null));
    return this.weighing;
  }

  /** The pass that was asked for last. The first one on a device compiles its kernels and does not count. */
  private async measure(gpu: Device): Promise<void> {
    const { latest } = this;
    if (!latest) return;
    const length = lengthClass(latest);
    if (!this.known.has(length)) {
      await this.onGpu(gpu, latest);
      const webgpu = await this.median(() => this.onGpu(gpu, latest));
      const cpu = await this.median(() => this.onCpu(latest));
      this.known.set(length, { kind: 'measured', cpu, webgpu, software: gpu.software });
    }
    this.measured = this.known.get(length)!;
  }

  private async median(run: () => View | Promise<View>): Promise<number> {
    const times: number[] = [];
    for (let spent = 0; times.length < PASSES && (times.length === 0 || spent < ENOUGH); ) {
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
    return gpu.turn(async (session) => {
      const start = this.now();
      const view = await session.run(request);
      view.ms = this.now() - start;
      return view;
    });
  }

  /** The model is not wanted any more; a run under way has its answer first. */
  close(): void {
    this.closed = true;
    this.gpu?.close();
    this.gpu = null;
    this.cpu.free();
  }

  private drop(gpu: Device | null, error: unknown): void {
    if (!gpu || gpu !== this.gpu) return;
    this.engine.trapped ||= error instanceof WebAssembly.RuntimeError;
    this.final ||= this.engine.trapped;
    this.failure = { kind: 'failed', error: text(error) };
    this.known.clear();
    this.measured = null;
    this.gpu = null;
    gpu.close();
    this.judge();
  }

  private judged(): BackendState {
    const { gpu, wish, measured } = this;
    const faster = measured !== null && measured.webgpu < measured.cpu;
    const name = gpu && (wish === 'webgpu' || (wish === null && faster)) ? 'webgpu' : 'cpu';
    const known = gpu || this.failure || this.considered || wish !== null;
    const other = name === 'webgpu' ? 'cpu' : this.final || !known ? null : 'webgpu';
    const reason = this.failure && wish !== 'cpu' ? this.failure : wish !== null ? { kind: 'chosen' as const } : (measured ?? { kind: 'first' as const });
    return { name, reason, other };
  }

  private judge(): void {
    const state = this.judged();
    if (this.closed || JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.state = state;
    this.tell(state);
  }
}

/** A session whose calls take turns, and fail as soon as its device does. */
class Device {
  readonly software: boolean;
  /** Rejects when the device fails. */
  readonly lost: Promise<never>;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly session: GpuSession, broken: Promise<never>) {
    this.software = session.isSoftware();
    this.lost = Promise.race([session.trouble().then((error) => Promise.reject(new Error(error))), broken]);
    this.lost.catch(() => {});
  }

  turn<T>(call: (session: GpuSession) => T | Promise<T>): Promise<T> {
    const result = this.last.then(() => Promise.race([call(this.session), this.lost]));
    this.last = result.catch(() => {});
    return result;
  }

  /** After the call under way; where that waits for an answer that will not come, the session refuses and is left to itself. */
  close(): void {
    void this.last.then(() => this.session.close()).catch(() => {});
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
