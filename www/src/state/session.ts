/** The open model: reads the manifest, opens the model of the link, and keeps the loaded circuits. */
import { messageOf } from '../domain/errors';
import type { Notice } from '../domain/notices';
import type { Engine } from '../engine/api';
import { defaultModel, readManifest, readPlaceholder, type Manifest, type ManifestModel, type ManifestTask } from '../engine/manifest';
import type { BackendState, NodeId, RunResult, TaskInfo } from '../engine/protocol';
import { engine as text } from '../text/en';
import { opening, sameDoc, withNode, withText, type Doc } from './document';
import { docOf, forOtherModel, isDefault, keepChanges } from './link';
import type { Store } from './store';
import { decode, type Decoded } from './url';

/** The session's dependencies; tests replace them. */
export interface SessionDeps {
  engine: Engine;
  /** Address of the models folder, with a slash at its end. */
  models: string;
  fetchJson(url: string): Promise<unknown>;
  hash(): string;
  /** Whether the node panel fits next to the graph. On a phone it would cover it. */
  roomForPanel(): boolean;
}

export class Session {
  private manifest: Manifest | null = null;
  /** The model that is open or loading. */
  private model: ManifestModel | null = null;
  private live = false;
  private circuits = new Map<string, TaskInfo>();

  constructor(
    private readonly deps: SessionDeps,
    private readonly store: Store,
    private readonly onBackend: (backend: BackendState) => void,
  ) {}

  /** Whether a model is open, so that runs can be asked for. */
  get opened(): boolean {
    return this.live;
  }

  /** Reads the manifest and opens the model that the link asks for. Returns the link. */
  async start(): Promise<Decoded> {
    const manifest = readManifest(await this.deps.fetchJson(`${this.deps.models}manifest.json`));
    this.manifest = manifest;
    const twin = [defaultModel(manifest), ...manifest.models].find((model) => model.twin);
    this.store.set({ twin: twin ? { base: this.deps.models, listed: twin } : null });
    return this.open(manifest, null);
  }

  /** Replaces the model with the one that `asked` needs; null: the one in the address bar. Returns the link. */
  async change(asked: Decoded | null): Promise<Decoded> {
    if (!this.manifest) throw new Error(text.noManifest);
    this.close();
    return this.open(this.manifest, asked && forOtherModel(asked));
  }

  /** Whether a document with this twin needs another model than the open one. */
  needsOther(twin: Doc['twin']): boolean {
    return this.manifest !== null && this.live && this.modelFor(this.manifest, twin) !== this.model;
  }

  /** Whether the address bar asks for another model than the open one. */
  linkNeedsOther(): boolean {
    return this.manifest !== null && this.linkedModel(this.manifest) !== this.model;
  }

  /** Whether there is a manifest, so that a link can be followed. */
  get canFollow(): boolean {
    return this.manifest !== null;
  }

  /** Returns a function that checks later whether the current model is still open or loading. */
  watch(): () => boolean {
    const { model } = this;
    return () => this.model === model;
  }

  /** The link in the address bar. */
  readLink(tasks: ManifestTask[] = this.store.screen.tasks): Decoded {
    const link = decode(this.deps.hash(), { tasks: tasks.map((task) => task.name), model: this.store.screen.model });
    const { twin } = this.store.screen;
    if (link.twin === null) return link;
    if (twin === null) return { ...forOtherModel(link), twin: null, notices: [...link.notices, { kind: 'twin-missing' }] };
    if (link.task === null || twin.listed.tasks.some((task) => task.name === link.task)) return link;
    return { ...link, twin: null, notices: [...link.notices, { kind: 'twin-task', task: link.task }] };
  }

  /** The task with its circuit; undefined if it is not loaded. */
  known(name: string): TaskInfo | undefined {
    return this.circuits.get(name);
  }

  /** Loads the circuit of a task. */
  async load(name: string): Promise<TaskInfo> {
    const current = this.watch();
    const task = await this.deps.engine.task(name);
    if (current()) this.circuits.set(name, task);
    return task;
  }

  /** The node whose panel is open when a task is chosen. Null on narrow screens, and while the circuit is not loaded. */
  firstNode(name: string): NodeId | null {
    const task = this.circuits.get(name);
    return task ? this.startOf(task) : null;
  }

  private startOf(task: Pick<TaskInfo, 'start'>): NodeId | null {
    return this.deps.roomForPanel() ? task.start : null;
  }

  /** The model to open: if the twin is open, the one that was trained with it. */
  private modelFor(manifest: Manifest, twin: Doc['twin']): ManifestModel {
    return twin !== null && this.store.screen.twin ? this.store.screen.twin.listed : defaultModel(manifest);
  }

  private linkedModel(manifest: Manifest): ManifestModel {
    return this.modelFor(manifest, this.readLink(manifest.models.flatMap((model) => model.tasks)).twin);
  }

  /** Opens the model of `asked`, or of the address bar. If the twin's model cannot be loaded, opens the default model without the twin. */
  private async open(manifest: Manifest, asked: Decoded | null): Promise<Decoded> {
    const model = asked ? this.modelFor(manifest, asked.twin) : this.linkedModel(manifest);
    const link = asked ?? this.readLink(model.tasks);
    try {
      return await this.openModel(manifest, model, link, asked === null);
    } catch (error) {
      if (model === defaultModel(manifest)) throw error;
      const notices: Notice[] = [{ kind: 'twin-lost', error: messageOf(error) }];
      this.store.set({ doc: opening('', '', null), progress: null, backend: null });
      return this.openModel(manifest, defaultModel(manifest), { ...forOtherModel(link), twin: null, notices }, false);
    }
  }

  /** `follow`: use the address bar's link, which may change while the model loads. */
  private async openModel(manifest: Manifest, model: ManifestModel, link: Decoded, follow: boolean): Promise<Decoded> {
    this.model = model;
    const { store } = this;
    const { tasks } = model;
    const first = tasks.find((task) => task.name === link.task) ?? tasks[0]!;
    const plain = isDefault(link) && model === defaultModel(manifest) && first === tasks[0];
    // Keep what the user typed before the model was loaded.
    const typed = store.screen.doc.a;
    store.set({ tasks, doc: withText(docOf(link, first), typed === '' ? docOf(link, first).a : typed), notices: link.notices });
    const current = this.watch();
    const loading = this.deps.engine.open(this.deps.models, model, first.name, (progress) => {
      // Messages of a worker may arrive out of order. The bar never moves back.
      const before = store.screen.progress?.loaded ?? 0;
      if (current() && progress.loaded >= before) store.set({ progress });
    }, (backend) => current() && this.onBackend(backend));
    if (plain && manifest.poster) await Promise.race([this.showPlaceholder(manifest.poster, first), loading.then(() => {}, () => {})]);
    const { model: info, task, backend } = await loading;
    if (follow && this.linkedModel(manifest) !== model) {
      this.close();
      return this.open(manifest, null);
    }
    this.live = true;
    this.circuits = new Map([[task.name, task]]);
    store.set({ model: info, backend: store.screen.backend ?? backend });
    this.applyLink(link, task, follow);
    return link;
  }

  private close(): void {
    this.live = false;
    this.circuits = new Map();
    this.store.clear();
  }

  /** Reads the link again, now that the model defines which nodes exist. Keeps what the user typed in the meantime. */
  private applyLink(first: Decoded, task: TaskInfo, follow: boolean): void {
    const { store } = this;
    const link = follow ? this.readLink() : first;
    const typed = store.screen.doc;
    const untouched = sameDoc({ ...typed, node: null }, { ...docOf(first, task), node: null });
    let doc = untouched ? docOf(link, task) : keepChanges(typed, docOf(first, task), docOf(link, task));
    if (doc.node === null && link.node === undefined && doc.task === task.name) doc = withNode(doc, this.startOf(task));
    store.set({ doc, notices: link.notices, claim: untouched ? link.claim : null });
  }

  private async showPlaceholder(file: string, task: ManifestTask): Promise<void> {
    try {
      const placeholder = readPlaceholder(await this.deps.fetchJson(`${this.deps.models}${file}`));
      const { store } = this;
      const preset = task.presets[0]!;
      if (this.live || placeholder.task !== task.name || store.screen.doc.a !== preset.a.text) return;
      const doc = withNode(store.screen.doc, this.startOf(task));
      const result: RunResult = { a: preset.a, b: preset.b, reason: null, answer: preset.answer ?? null, edits: doc.edits, view: placeholder.view, backend: 'cpu' };
      const { circuit: _file, bytes: _bytes, ...rest } = task;
      const known = { ...rest, circuit: placeholder.circuit };
      const snapshot = { task: known, doc, result };
      store.set({ doc, model: placeholder.model, placeholder: true, snapshot, painted: snapshot });
    } catch {
      // Ignore errors here: live numbers will follow.
    }
  }
}
