/** The user's actions on the page. It connects the store, the session and the runner. Every change of the document goes through `change`. */
import type { Notice } from '../domain/notices';
import type { BackendName } from '../engine/protocol';
import { keepView, opening, resumed, sameAnswer, sameDoc, sameRun, undone, withNode, type Doc } from './document';
import { FlipControls } from './flip-control';
import type { History } from './history';
import { docOf } from './link';
import { Runner, type RunnerDeps } from './runner';
import type { Hover, Screen } from './screen';
import { Session, type SessionDeps } from './session';
import { Store } from './store';
import type { Decoded } from './url';

/** The page's dependencies; tests replace them. */
export type Deps = SessionDeps & RunnerDeps;

/** What the user has done on a model that is not open now. */
interface Kept {
  doc: Doc;
  steps: History;
}

export class Playground {
  /** By model file. The dense twin has a sparse model of its own: two models, two documents, one prompt. */
  private readonly kept = new Map<string, Kept>();
  private readonly store: Store;
  private readonly session: Session;
  private readonly runner: Runner;

  constructor(private readonly deps: Deps) {
    this.store = new Store(() => deps.now());
    this.session = new Session(deps, this.store, (backend) => this.runner.backendIs(backend));
    this.runner = new Runner(deps, this.store, this.session);
    const controls = new FlipControls(deps.engine, this.store, this.session);
    this.store.subscribe(() => controls.follow());
  }

  get screen(): Screen {
    return this.store.screen;
  }

  subscribe(listener: () => void): () => void {
    return this.store.subscribe(listener);
  }

  /** Resolves when the first numbers are on the screen, or the reason why there are none. */
  start(): Promise<void> {
    return this.opens(this.session.start());
  }

  private async opens(opening: Promise<Decoded>): Promise<void> {
    try {
      const link = await opening;
      this.resume();
      if (link.backend) void this.runner.useBackend(link.backend);
      await this.runner.first();
    } catch (error) {
      this.store.fail(error);
    }
  }

  /** Switches to another model: the one that `asked` needs, or the address bar if it is null. */
  private changeModel(asked: Decoded | null): void {
    const { model, doc } = this.store.screen;
    // A link describes the whole document.
    if (asked === null) this.kept.clear();
    else if (model) this.kept.set(model.file, { doc, steps: this.store.steps });
    this.runner.forget();
    void this.opens(this.session.change(asked));
  }

  /** Continues where the user left this model. */
  private resume(): void {
    const { model, doc } = this.store.screen;
    const kept = this.kept.get(model?.file ?? '');
    if (!kept) return;
    this.store.resume(kept.steps);
    const next = resumed(doc, kept.doc);
    // What was changed on the other model is one step here.
    if (!sameDoc({ ...next, twin: null }, { ...kept.doc, twin: null })) {
      this.store.set({ doc: kept.doc });
      this.store.remember('');
    }
    this.store.set({ doc: next });
  }

  /**
   * Applies a change made by the user. Changes of one `kind` in quick succession are one step of undo; 'select' adds no step. Another
   * mode, and a change with `entry`, are a new entry of the browser's history.
   */
  change(next: Doc, kind: string, entry = false): void {
    const { store, runner } = this;
    const before = store.screen.doc;
    if (sameDoc(before, next)) return;
    if (this.session.needsOther(next.twin)) {
      this.changeModel({ ...next, backend: runner.backend, claim: null, notices: [] });
      return;
    }
    const select = kind === 'select';
    if (entry || next.edits.mode !== before.edits.mode) runner.startEntry();
    if (!select && before.task !== '') store.remember(kind);
    store.set({ doc: next, ...(select ? {} : { notices: [] }), ...(sameAnswer(before, next) ? {} : { claim: null }) });
    // Changes of the twin need no run of the sparse model.
    if (!sameRun(before, next) || store.screen.phase !== 'ready') runner.request();
    else runner.writeLink(next);
  }

  /** Opens a task with its first preset. */
  openTask(name: string): void {
    if (name === this.screen.doc.task) return;
    this.openPreset(name, true);
  }

  /** Goes back to the first preset of the task, with nothing changed. */
  reset(): void {
    this.store.set({ notices: [] });
    this.openPreset(this.screen.doc.task);
  }

  private openPreset(name: string, entry = false): void {
    const task = this.screen.tasks.find((one) => one.name === name);
    if (task) this.change(keepView(this.screen.doc, opening(name, task.presets[0]!.a.text, this.session.firstNode(name))), '', entry);
  }

  undo(): void {
    const doc = this.store.undo();
    if (!doc) return;
    this.store.set({ doc: undone(this.screen.doc, doc), notices: [], claim: null });
    this.runner.request();
  }

  /** The address bar was changed by hand or by the back button. */
  linkChanged(): void {
    const { session, store, runner } = this;
    const failed = store.screen.phase === 'error';
    if (!session.canFollow || (!session.opened && !failed) || this.deps.hash() === runner.linkOf(store.screen.doc)) return;
    if (failed || session.linkNeedsOther()) {
      runner.forgetBackend();
      this.changeModel(null);
      return;
    }
    const link = session.readLink();
    const task = store.screen.tasks.find((one) => one.name === link.task) ?? store.screen.tasks[0]!;
    const doc = docOf(link, task);
    store.remember('');
    store.set({ doc: link.node === undefined ? withNode(doc, session.firstNode(task.name)) : doc, notices: link.notices, claim: link.claim });
    if (link.backend !== runner.backend) void runner.useBackend(link.backend);
    runner.request();
  }

  /** Selects the backend; null: the faster one. */
  useBackend(preference: BackendName | null): Promise<void> {
    return this.runner.useBackend(preference);
  }

  /** Shows a notice until the next change. */
  notify(notice: Notice): void {
    this.store.set({ notices: [notice] });
  }

  /** The engine failed and was restarted. The state on the screen stays. */
  engineRestarted(cause: string): void {
    this.store.set({ restart: cause });
  }

  hover(hover: Hover | null): void {
    if (JSON.stringify(hover) !== JSON.stringify(this.screen.hover)) this.store.set({ hover });
  }
}
