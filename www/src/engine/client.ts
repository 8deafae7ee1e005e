/**
 * The page's end of a worker. A trap leaves the worker's wasm module in an undefined state: the client then starts a new worker, repeats
 * the calls that set it up, and repeats each pending call once.
 */
import { proxy, wrap } from 'comlink';
import engineUrl from './worker.ts?worker&url';
import twinUrl from './twin.ts?worker&url';
import type { Engine, TwinEngine } from './api';
import { startWorker } from './files';
import type { FailureKind } from './protocol';
import { isTrap } from './trap';

/** The client starts no further worker after this many failures without an answer between them. */
const MAX_FAILURES = 3;

export class WorkerFailure extends Error {
  constructor(readonly kind: FailureKind, message: string) {
    super(message);
  }
}

type Calls<T> = { [K in keyof T]: (...args: never[]) => Promise<unknown> };

export interface ClientOptions<T> {
  start(): Worker;
  /** Calls that set a worker up, in their order. The latest successful ones are repeated in a new worker. */
  setup: readonly (keyof T & string)[];
  /** The text for the user. `cause` is the error's own text; it may be empty. */
  describe(kind: FailureKind, cause: string): string;
  /** A new worker is set up and takes the place of one that failed. */
  onRestart(cause: string): void;
}

interface Call {
  name: string;
  args: unknown[];
  repeated: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

type Remote = Record<string, (...args: unknown[]) => Promise<unknown>>;

interface Connection {
  worker: Worker;
  remote: Remote;
  /** Resolves when the calls that set the worker up have been repeated, and never rejects. Null where there are none to repeat. */
  ready: Promise<void> | null;
}

export class Client<T extends Calls<T>> {
  /** Every method of `T`. An answer rejects with the worker's error or with a `WorkerFailure`. */
  readonly calls: T;
  private connection: Connection | null = null;
  /** Calls without an answer. A settled call leaves the set, so that nothing keeps its answer. */
  private readonly pending = new Set<Call>();
  /** Arguments of the latest successful setup calls. */
  private readonly done = new Map<string, unknown[]>();
  /** Failures since the last answer. */
  private failures = 0;
  private lastCause = '';

  constructor(private readonly options: ClientOptions<T>) {
    this.calls = new Proxy({} as T, {
      get: (_, name) => (...args: unknown[]) => this.call(String(name), args),
    });
    // The worker loads while the page does.
    this.connection = this.connect();
  }

  /** Ends the worker. Pending calls are never answered. */
  close(): void {
    this.pending.clear();
    this.disconnect();
  }

  private call(name: string, args: unknown[]): Promise<unknown> {
    if (this.failures >= MAX_FAILURES) return Promise.reject(this.failure('stopped'));
    return new Promise((resolve, reject) => {
      const call = { name, args, repeated: false, resolve, reject };
      this.pending.add(call);
      void this.send(call);
    });
  }

  private async send(call: Call): Promise<void> {
    const connection = (this.connection ??= this.connect());
    // Without a wait the message leaves at once, before the page draws anything else.
    if (connection.ready) await connection.ready;
    if (connection !== this.connection) return;
    try {
      const value = await apply(connection.remote, call.name, call.args);
      if (!this.settle(call, connection)) return;
      this.succeeded(call);
      call.resolve(value);
    } catch (error) {
      if (isTrap(error)) this.fail(connection, error.message);
      else if (this.settle(call, connection)) call.reject(error);
    }
  }

  /** False if the answer comes from a worker that has been given up, or belongs to nobody any more. */
  private settle(call: Call, connection: Connection): boolean {
    return connection === this.connection && this.pending.delete(call);
  }

  private succeeded({ name, args }: Call): void {
    const { setup } = this.options;
    const step = setup.indexOf(name as keyof T & string);
    if (step < 0) {
      this.failures = 0;
      return;
    }
    // Later steps belong to what an earlier step has replaced.
    for (const later of setup.slice(step)) this.done.delete(later);
    this.done.set(name, args);
  }

  private connect(): Connection {
    const worker = this.options.start();
    const connection: Connection = { worker, remote: wrap(worker) as unknown as Remote, ready: null };
    const onError = (event: Event) => this.fail(connection, 'message' in event ? String(event.message) : '');
    worker.addEventListener('error', onError);
    worker.addEventListener('messageerror', onError);
    if (this.failures > 0 && this.done.size > 0) connection.ready = this.setUp(connection);
    return connection;
  }

  private async setUp(connection: Connection): Promise<void> {
    try {
      for (const name of this.options.setup) {
        const args = this.done.get(name);
        if (args) await apply(connection.remote, name, args);
      }
      if (connection === this.connection) this.options.onRestart(this.lastCause);
    } catch (error) {
      if (connection !== this.connection) return;
      if (isTrap(error)) return this.fail(connection, error.message);
      // A file could not be loaded. The next call tries again.
      this.disconnect();
      this.rejectAll(error);
    }
  }

  private fail(connection: Connection, cause: string): void {
    if (connection !== this.connection) return;
    this.disconnect();
    this.failures++;
    this.lastCause = cause;
    if (this.failures >= MAX_FAILURES) return this.rejectAll(this.failure('stopped'));
    if (this.done.size === 0) return this.rejectAll(this.failure('not started'));
    for (const call of [...this.pending]) {
      if (call.repeated) {
        this.pending.delete(call);
        call.reject(this.failure('failed'));
      } else {
        call.repeated = true;
        void this.send(call);
      }
    }
  }

  private disconnect(): void {
    this.connection?.worker.terminate();
    this.connection = null;
  }

  private rejectAll(error: unknown): void {
    for (const call of this.pending) call.reject(error);
    this.pending.clear();
  }

  private failure(kind: FailureKind): WorkerFailure {
    return new WorkerFailure(kind, this.options.describe(kind, this.lastCause));
  }
}

/** Functions among the arguments stay on the page and are called from the worker. */
function apply(remote: Remote, name: string, args: unknown[]): Promise<unknown> {
  return remote[name]!(...args.map((arg) => (typeof arg === 'function' ? proxy(arg as () => void) : arg)));
}

type Texts<T> = Pick<ClientOptions<T>, 'describe' | 'onRestart'>;

export function connectEngine(texts: Texts<Engine>): Client<Engine> {
  return new Client<Engine>({ ...texts, start: () => startWorker(engineUrl, 'engine'), setup: ['open', 'use'] });
}

export function connectTwin(texts: Texts<TwinEngine>): Client<TwinEngine> {
  return new Client<TwinEngine>({ ...texts, start: () => startWorker(twinUrl, 'twin'), setup: ['open'] });
}
