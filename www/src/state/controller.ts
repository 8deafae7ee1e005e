/**
 * Joins document, history, address bar and engine. Every change passes `change`; every answer passes `answered`.
 * The last input wins: an answer to an older question is dropped, and at most one question waits.
 */
import { defaultModel, readManifest, readPoster, type Manifest, type ManifestModel, type ManifestTask } from '../engine/manifest';
import type { Engine } from '../engine/api';
import type { BackendName, BackendState, NodeId, RunResult, TaskInfo } from '../engine/protocol';
import { silentNodes } from '../domain/inactive';
import { noEdits } from '../domain/edits';
import { keepTwin, opening, sameDoc, sameRun, withNode, withText, withTwin, type Doc } from './document';
import { decode, encode, type Decoded } from './url';
import { noHistory, remember, undo, type History } from './history';
import { readBefore, tokenFor } from '../domain/alignment';
import type { Hover, Numbers, Screen } from './screen';

/** What the controller needs from the world; tests give their own. */
export interface World {
  engine: Engine;
  /** Address of the models folder, with a slash at its end. */
  models: string;
  fetchJson(url: string): Promise<unknown>;
  hash(): string;
  setHash(hash: string): void;
  now(): number;
  /** Resolves when what the last change wrote is on the screen. */
  painted(): Promise<void>;
  /** Whether a node's panel has a place of its own; on a phone it would cover the graph before anyone has asked for it. */
  roomForPanel(): boolean;
}

/** Milliseconds that leave time for everything in one frame. */
const SOON = 4;

export class Controller {
  screen: Screen;
  private history: History = noHistory;
  private readonly listeners = new Set<() => void>();
  private manifest: Manifest | null = null;
  /** The model that is open or on its way. */
  private listed: ManifestModel | null = null;
  private opened = false;
  private circuits = new Map<string, TaskInfo>();
  private running = false;
  private waiting = false;
  private hurry = (): void => {};
  /** The backend that the user has chosen. */
  private wish: BackendName | null = null;
  /** Changes of it under way. */
  private changing = 0;

  constructor(private readonly world: World) {
    this.screen = {
      phase: 'loading', doc: opening('', '', null), tasks: [], twin: null, model: null, numbers: null, previous: null, drawn: { numbers: null, previous: null }, poster: false,
      progress: null, backend: null, notices: [], failure: null, canUndo: false, hover: null, view: 'graph',
    };
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private set(patch: Partial<Screen>): void {
    this.screen = { ...this.screen, ...patch };
    for (const listener of this.listeners) listener();
  }

  /** Manifest, poster, engine, first numbers. Resolves when the page is live or has said why it is not. */
  async start(): Promise<void> {
    try {
      const manifest = readManifest(await this.world.fetchJson(`${this.world.models}manifest.json`));
      this.manifest = manifest;
      const twin = [defaultModel(manifest), ...manifest.models].find((listed) => listed.twin);
      this.set({ twin: twin ? { base: this.world.models, listed: twin } : null });
      await this.openLink(manifest, null);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The model to show a document on: with the twin open, the one that was trained beside it. */
  private modelFor(manifest: Manifest, twin: Doc['twin']): ManifestModel {
    return twin !== null && this.screen.twin ? this.screen.twin.listed : defaultModel(manifest);
  }

  private linked(manifest: Manifest): ManifestModel {
    return this.modelFor(manifest, this.readLink(manifest.models.flatMap((listed) => listed.tasks)).twin);
  }

  /** Opens what is asked for, else what the address bar says; without the twin where its model cannot be had. */
  private async openLink(manifest: Manifest, asked: Decoded | null): Promise<void> {
    const listed = asked ? this.modelFor(manifest, asked.twin) : this.linked(manifest);
    const link = asked ?? this.readLink(listed.tasks);
    try {
      await this.openModel(manifest, listed, link, asked === null);
    } catch (error) {
      if (listed === defaultModel(manifest)) throw error;
      const messages = [`The dense twin cannot be opened: ${error instanceof Error ? error.message : String(error)}`];
      this.set({ doc: opening('', '', null), progress: null, backend: null });
      await this.openModel(manifest, defaultModel(manifest), { ...elsewhere(link), twin: null, messages }, false);
    }
  }

  /** `live`: whether the link is the address bar's, which may change while the model loads. */
  private async openModel(manifest: Manifest, listed: ManifestModel, link: Decoded, live: boolean): Promise<void> {
    this.listed = listed;
    const { tasks } = listed;
    const first = tasks.find((task) => task.name === link.task) ?? tasks[0]!;
    const plain = isPlain(link) && listed === defaultModel(manifest) && first === tasks[0];
    // Whoever types before anything is there keeps the text.
    const typed = this.screen.doc.a;
    this.set({ tasks, doc: withText(docOf(link, first), typed === '' ? docOf(link, first).a : typed), notices: link.messages });
    // What the model before still says is dropped.
    const current = () => this.listed === listed;
    const opening = this.world.engine.open(this.world.models, listed, first.name, (progress) => {
      // Answers of a worker may overtake each other: the bar never goes back.
      const before = this.screen.progress?.loaded ?? 0;
      if (current() && progress.loaded >= before) this.set({ progress });
    }, (backend) => current() && this.backendIs(backend));
    if (plain && manifest.poster) await Promise.race([this.showPoster(manifest.poster, first), opening.then(() => {}, () => {})]);
    const { model, task, backend } = await opening;
    if (live && this.linked(manifest) !== listed) {
      this.forget();
      return this.openLink(manifest, null);
    }
    this.opened = true;
    this.circuits = new Map([[task.name, task]]);
    this.set({ model, backend: this.screen.backend ?? backend });
    this.applyLink(link, task, live);
    if (link.backend) void this.useBackend(link.backend);
    // The last answer of the model before may still be on its way.
    if (this.running) this.ask();
    else await this.run();
  }

  /** Nothing is open any more, and nothing of it goes along: nodes, edits and steps of undo are one model's. */
  private forget(): void {
    this.opened = false;
    this.waiting = false;
    this.history = noHistory;
    this.circuits = new Map();
    const nothing = { numbers: null, previous: null };
    this.set({
      ...nothing, phase: 'loading', doc: opening('', '', null), model: null, drawn: nothing, poster: false, progress: null, backend: null, failure: null,
      canUndo: false, hover: null,
    });
  }

  /** Goes on with another model: with what is asked for, else with what the address bar says now. */
  private async changeModel(manifest: Manifest, asked: Decoded | null): Promise<void> {
    this.forget();
    try {
      await this.openLink(manifest, asked);
    } catch (error) {
      this.fail(error);
    }
  }

  private readLink(tasks: ManifestTask[]): Decoded {
    return decode(this.world.hash(), { tasks: tasks.map((task) => task.name), model: this.screen.model });
  }

  /** Reads the link once more, now that the model says which nodes there are. What was typed meanwhile stays. */
  private applyLink(first: Decoded, task: TaskInfo, live: boolean): void {
    const link = live ? this.readLink(this.screen.tasks) : first;
    const typed = this.screen.doc;
    const untouched = sameDoc({ ...typed, node: null }, { ...docOf(first, task), node: null });
    let doc = untouched ? docOf(link, task) : checked(typed, docOf(first, task), docOf(link, task));
    if (doc.node === null && link.node === undefined && doc.task === task.name) doc = withNode(doc, this.firstNode(task));
    this.set({ doc, notices: link.messages });
  }

  private firstNode(task: Pick<TaskInfo, 'start'>): NodeId | null {
    return this.world.roomForPanel() ? task.start : null;
  }

  private async showPoster(file: string, task: ManifestTask): Promise<void> {
    try {
      const poster = readPoster(await this.world.fetchJson(`${this.world.models}${file}`));
      const preset = task.presets[0]!;
      if (this.opened || poster.task !== task.name || this.screen.doc.a !== preset.a.text) return;
      const doc = withNode(this.screen.doc, this.firstNode(task));
      // The panel speaks of the token that the graph reads the node at; a detail of another token would contradict it.
      const token = task.start && tokenFor(task.start, readBefore(poster.circuit), preset.a, preset.b, null);
      const detail = poster.view.detail?.token === token ? poster.view.detail : null;
      const shown: RunResult = { a: preset.a, b: preset.b, reason: null, edits: doc.edits, view: { ...poster.view, detail }, backend: 'cpu' };
      const { circuit: _file, bytes: _bytes, ...rest } = task;
      // The poster holds one of the two prompts.
      const { activations } = poster.view;
      const silent = silentNodes(poster.circuit, preset.a, activations, preset.a, activations);
      const known = { ...rest, circuit: poster.circuit, silent };
      const numbers = { task: known, doc, shown };
      this.set({ doc, model: poster.model, poster: true, numbers, drawn: { numbers, previous: null } });
    } catch {
      // The poster only bridges the time until the live numbers are there.
    }
  }

  /** Applies a change made by the user. `kind` says which changes count as one step of undo. */
  change(next: Doc, kind: string): void {
    const before = this.screen.doc;
    if (sameDoc(before, next)) return;
    if (this.manifest && this.opened && this.modelFor(this.manifest, next.twin) !== this.listed) {
      void this.changeModel(this.manifest, elsewhere({ ...next, backend: this.wish, messages: [] }));
      return;
    }
    const select = kind === 'select';
    if (!select && before.task !== '') this.history = remember(this.history, before, kind, this.world.now());
    this.set({ doc: next, canUndo: this.history.past.length > 0, ...(select ? {} : { notices: [] }) });
    // Nothing that the sparse model shows depends on the twin.
    if (!sameRun(before, next) || this.screen.phase !== 'ready') this.ask();
    else this.world.setHash(encode(next, this.wish));
  }

  /** Opens a task with its first preset. */
  openTask(name: string): void {
    const task = this.screen.tasks.find((one) => one.name === name);
    if (!task || name === this.screen.doc.task) return;
    const known = this.circuits.get(name);
    this.change(keepTwin(this.screen.doc, opening(name, task.presets[0]!.a.text, known ? this.firstNode(known) : null)), '');
  }

  undo(): void {
    const step = undo(this.history);
    if (!step) return;
    this.history = step.history;
    // Whether the twin is open is where one looks, not what one did.
    this.set({ doc: withTwin(step.doc, this.screen.doc.twin !== null), canUndo: step.history.past.length > 0, notices: [] });
    this.ask();
  }

  /** Back to the task's first preset with nothing changed. */
  reset(): void {
    const task = this.screen.tasks.find((one) => one.name === this.screen.doc.task);
    if (!task) return;
    const known = this.circuits.get(task.name);
    this.set({ notices: [] });
    this.change(keepTwin(this.screen.doc, opening(task.name, task.presets[0]!.a.text, known ? this.firstNode(known) : null)), '');
  }

  /** The address bar was changed by hand or by the back button. */
  linkChanged(): void {
    const { manifest } = this;
    const lost = this.screen.phase === 'error';
    if (!manifest || (!this.opened && !lost) || this.world.hash() === encode(this.screen.doc, this.wish)) return;
    if (lost || this.linked(manifest) !== this.listed) {
      this.wish = null;
      void this.changeModel(manifest, null);
      return;
    }
    const link = this.readLink(this.screen.tasks);
    const task = this.screen.tasks.find((one) => one.name === link.task) ?? this.screen.tasks[0]!;
    let doc = docOf(link, task);
    const known = this.circuits.get(task.name);
    if (link.node === undefined && known) doc = withNode(doc, this.firstNode(known));
    this.history = remember(this.history, this.screen.doc, '', this.world.now());
    this.set({ doc, notices: link.messages, canUndo: true });
    if (link.backend !== this.wish) void this.useBackend(link.backend);
    this.ask();
  }

  /** Runs on another backend; null: on whichever is faster. Until it is there, the page answers by the one before. */
  async useBackend(wish: BackendName | null): Promise<void> {
    this.wish = wish;
    this.changing++;
    this.set({ phase: 'busy' });
    try {
      await this.world.engine.use(wish);
    } catch (error) {
      this.fail(error);
    } finally {
      this.changing--;
      this.ask();
    }
  }

  private backendIs(backend: BackendState): void {
    const other = this.screen.backend !== null && this.screen.backend.name !== backend.name;
    this.set({ backend });
    // The numbers on the screen are those of the backend that it names.
    if (other) this.ask();
  }

  hover(hover: Hover | null): void {
    const same = JSON.stringify(hover) === JSON.stringify(this.screen.hover);
    if (!same) this.set({ hover });
  }

  view(view: Screen['view']): void {
    this.set({ view });
  }

  private ask(): void {
    if (!this.opened) return;
    this.set({ phase: 'busy' });
    if (!this.running) {
      void this.run();
      return;
    }
    this.waiting = true;
    this.hurry();
  }

  private async run(): Promise<void> {
    this.running = true;
    do {
      this.waiting = false;
      await this.answer(this.screen.doc);
    } while (this.waiting && this.opened);
    this.running = false;
  }

  private async answer(asked: Doc): Promise<void> {
    const { listed } = this;
    const outdated = () => this.waiting || this.listed !== listed;
    try {
      const task = this.circuits.get(asked.task) ?? (await this.world.engine.task(asked.task));
      if (outdated()) return;
      this.circuits.set(task.name, task);
      // A task opened before its circuit was there: its panel opens now.
      let doc = asked;
      if (doc.node === null && this.screen.numbers?.task.name !== task.name && this.screen.numbers !== null && !this.screen.poster) {
        doc = withNode(asked, this.firstNode(task));
      }
      const { a, b, edits, node, token } = doc;
      const start = this.world.now();
      const shown = await this.world.engine.run({ task: task.name, a, b, edits, node, token });
      if (outdated()) return;
      await this.answered({ task, doc, shown }, this.world.now() - start);
    } catch (error) {
      if (!outdated()) this.fail(error);
    }
  }

  /** An answer after so many milliseconds: shown at once, or where that would come late the bars first and the rest with the next frame. */
  private async answered(numbers: Numbers, ms: number): Promise<void> {
    const previous = this.ghostsFor(numbers);
    const sameTask = this.screen.drawn.numbers?.task === numbers.task;
    const news = { doc: numbers.doc, numbers, previous, poster: false, failure: null };
    if (ms > SOON && sameTask) {
      this.set(news);
      // Whoever types on waits for no graph.
      await Promise.race([this.world.painted(), new Promise<void>((done) => (this.hurry = done))]);
      if (this.waiting || !this.opened) return;
    }
    this.set({ ...news, drawn: { numbers, previous }, phase: this.changing > 0 ? 'busy' : 'ready' });
    this.world.setHash(encode(numbers.doc, this.wish));
  }

  /** The numbers before the last change of edits; none when text or task changed, the same ones while only the selection moves. */
  private ghostsFor(next: Numbers): Numbers | null {
    const { numbers, previous, poster } = this.screen;
    if (!numbers || poster || numbers.task.name !== next.task.name) return null;
    if (numbers.doc.a !== next.doc.a || numbers.doc.b !== next.doc.b) return null;
    if (sameEdits(numbers.doc, next.doc)) return previous;
    // A slider's drag is one change: its ghosts are those from before it began.
    const base = this.history.past.at(-1);
    if (previous && base && sameEdits(previous.doc, base)) return previous;
    return numbers;
  }

  private fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.set({ phase: 'error', failure: message, progress: null });
  }
}

function docOf(link: Decoded, task: { name: string; presets: TaskInfo['presets'] }): Doc {
  return {
    task: task.name,
    a: link.a ?? task.presets[0]!.a.text,
    b: link.b,
    edits: link.edits,
    node: link.node ?? null,
    token: link.token,
    twin: link.twin,
  };
}

/** What was changed since `first`, a link whose nodes nobody had checked, and the rest of it as the model knows it. */
function checked(changed: Doc, first: Doc, link: Doc): Doc {
  const same = (key: keyof Doc) => JSON.stringify(changed[key]) === JSON.stringify(first[key]);
  return {
    ...changed,
    edits: same('edits') ? link.edits : changed.edits,
    node: same('node') ? link.node : changed.node,
    twin: same('twin') ? link.twin : changed.twin,
  };
}

/** The same text on another model: it has other nodes, so nothing that is said of one goes along. */
function elsewhere(link: Decoded): Decoded {
  return { ...link, edits: { ...noEdits(link.edits.mode), flip: link.edits.flip }, node: undefined, token: null };
}

function isPlain(link: Decoded): boolean {
  return link.a === null && link.b === null && link.token === null && (link.node === undefined || link.node === null)
    && JSON.stringify(link.edits) === JSON.stringify(opening('', '', null).edits);
}

function sameEdits(left: Doc, right: Doc): boolean {
  return sameRun({ ...left, node: null, token: null }, { ...right, node: null, token: null });
}
