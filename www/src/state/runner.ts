/**
 * Runs the document on the engine. The last input wins: the answer to an older question is dropped, and at most one question waits.
 * It also keeps the user's choice of the backend, and writes the link of each answer.
 */
import type { Notice } from '../domain/notices';
import type { Engine } from '../engine/api';
import type { BackendName, BackendState } from '../engine/protocol';
import { wanted } from '../domain/selection';
import { withNode, type Doc } from './document';
import type { Snapshot } from './screen';
import type { Session } from './session';
import type { Store } from './store';
import { encode } from './url';

/** The runner's dependencies; tests replace them. */
export interface RunnerDeps {
  engine: Engine;
  /** `entry`: as a new entry of the browser's history. */
  setHash(hash: string, entry: boolean): void;
  now(): number;
  /** Resolves in the next frame, before it is painted. */
  nextFrame(): Promise<void>;
  /** Resolves when the last change of the document is on the screen. */
  nextPaint(): Promise<void>;
}

/** An answer within this many milliseconds is painted in one frame. */
const ONE_FRAME = 4;

export class Runner {
  private running = false;
  private waiting = false;
  private abortWait = (): void => {};
  /** The backend that the user selected; null: the faster one. */
  private preference: BackendName | null = null;
  /** Changes of the backend that have not finished. */
  private changing = 0;
  /** Whether the user has opened another task since the last link. */
  private newEntry = false;

  constructor(
    private readonly deps: RunnerDeps,
    private readonly store: Store,
    private readonly session: Session,
  ) {}

  /** Asks for the numbers of the document on the screen. */
  request(): void {
    if (!this.session.opened) return;
    this.store.set({ phase: 'busy' });
    if (!this.running) {
      void this.run();
      return;
    }
    this.waiting = true;
    this.abortWait();
  }

  /** Runs a model that was just opened. Resolves with its first result, unless a run of the previous model has not finished. */
  async first(): Promise<void> {
    if (this.running) this.request();
    else await this.run();
  }

  /** The model was closed: drop the waiting request. */
  forget(): void {
    this.waiting = false;
  }

  /** Selects the backend; null: the faster one. Until it is in use, the page runs on the previous backend. */
  async useBackend(preference: BackendName | null): Promise<void> {
    this.preference = preference;
    this.changing++;
    this.store.set({ phase: 'busy' });
    try {
      await this.deps.engine.use(preference);
    } catch (error) {
      this.store.fail(error);
    } finally {
      this.changing--;
      this.request();
    }
  }

  get backend(): BackendName | null {
    return this.preference;
  }

  /** The link no longer selects a backend. */
  forgetBackend(): void {
    this.preference = null;
  }

  /** The engine now uses this backend. Runs again, so that the numbers belong to the backend in the footer. */
  backendIs(backend: BackendState): void {
    const other = this.store.screen.backend !== null && this.store.screen.backend.name !== backend.name;
    this.store.set({ backend });
    if (other) this.request();
  }

  /** The hash of a document for the address bar. */
  linkOf(doc: Doc): string {
    return encode(doc, this.preference, this.store.screen.claim);
  }

  /** The user opens another task, mode or example: the browser's Back button leads to the one before. */
  startEntry(): void {
    this.newEntry = true;
  }

  writeLink(doc: Doc): void {
    this.deps.setHash(this.linkOf(doc), this.newEntry);
    this.newEntry = false;
  }

  private async run(): Promise<void> {
    this.running = true;
    do {
      this.waiting = false;
      await this.answer(this.store.screen.doc);
    } while (this.waiting && this.session.opened);
    this.running = false;
  }

  private async answer(asked: Doc): Promise<void> {
    const { store, session, deps } = this;
    const current = session.watch();
    const outdated = () => this.waiting || !current();
    try {
      const task = session.known(asked.task) ?? (await session.load(asked.task).catch((error: unknown) => this.backFrom(asked, error, outdated)));
      if (!task) return;
      if (outdated()) return;
      // The task was opened before its circuit was loaded: open its panel now.
      const { snapshot: before, placeholder } = store.screen;
      const doc = asked.node === null && before !== null && before.task.name !== task.name && !placeholder ? withNode(asked, session.firstNode(task.name)) : asked;
      const { a, b, edits, token } = doc;
      const start = deps.now();
      const result = await deps.engine.run({ task: task.name, a, b, edits, token, ...wanted(doc.node) });
      if (outdated()) return;
      await this.show({ task, doc, result }, deps.now() - start);
    } catch (error) {
      if (!outdated()) store.fail(error);
    }
  }

  /** A task whose circuit cannot be loaded: the screen goes back to the numbers that it shows. Null if it did. */
  private backFrom({ task }: Doc, error: unknown, outdated: () => boolean): null {
    const { store } = this;
    const { snapshot, placeholder } = store.screen;
    if (!snapshot || placeholder || snapshot.task.name === task) throw error;
    if (outdated()) return null;
    const notices: Notice[] = [{ kind: 'task-lost', task, error: error instanceof Error ? error.message : String(error) }];
    store.undo();
    this.newEntry = false;
    store.set({ doc: snapshot.doc, notices, claim: null, phase: 'ready' });
    this.writeLink(snapshot.doc);
    return null;
  }

  /**
   * Shows an answer that took `ms` milliseconds: the bars and the sentence first, then the graph, which takes longer to draw. Both are in
   * the same frame; after a slow answer the graph is in the one after.
   */
  private async show(snapshot: Snapshot, ms: number): Promise<void> {
    const { store } = this;
    const sameTask = store.screen.painted?.task === snapshot.task;
    const news = { doc: snapshot.doc, snapshot, placeholder: false, failure: null };
    if (sameTask) {
      store.set(news);
      await this.wait(ms > ONE_FRAME ? this.deps.nextPaint() : this.deps.nextFrame());
      // Skip the graph while the user keeps typing.
      if (this.waiting || !this.session.opened) return;
    }
    store.set({ ...news, painted: snapshot, phase: this.changing > 0 ? 'busy' : 'ready' });
    this.writeLink(snapshot.doc);
  }

  /** Waits for `frame`, or until a newer question calls `abortWait`. */
  private wait(frame: Promise<void>): Promise<void> {
    return new Promise((done) => {
      this.abortWait = done;
      void frame.then(done);
    });
  }
}
