/** The state of the page: the screen, the undo steps, and the subscribers. */
import { messageOf } from '../domain/errors';
import { opening, type Doc } from './document';
import { noHistory, remember, undo, type History } from './history';
import type { Screen } from './screen';

/** The screen before anything is loaded. */
const EMPTY: Screen = {
  phase: 'loading', doc: opening('', '', null), tasks: [], twin: null, model: null, snapshot: null, painted: null,
  placeholder: false, progress: null, backend: null, restart: null, notices: [], claim: null, failure: null, canUndo: false, hover: null, controls: new Map(),
};

export class Store {
  screen: Screen = EMPTY;
  private history: History = noHistory;
  private readonly listeners = new Set<() => void>();

  /** `now` gives milliseconds: quick changes of one kind become one step of undo. */
  constructor(private readonly now: () => number) {}

  /** Calls `listener` after each change. Returns the function that ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  set(patch: Partial<Omit<Screen, 'canUndo'>>): void {
    this.screen = { ...this.screen, ...patch, canUndo: this.history.past.length > 0 };
    for (const listener of this.listeners) listener();
  }

  /** Stops with a message for the user. */
  fail(error: unknown): void {
    this.set({ phase: 'error', failure: messageOf(error), progress: null });
  }

  /** Adds the current document as an undo step. Call it before each change; `kind` is as in `history.ts`. */
  remember(kind: string): void {
    this.history = remember(this.history, this.screen.doc, kind, this.now());
  }

  /** Undoes the last step; null if there is none. */
  undo(): Doc | null {
    const step = undo(this.history);
    if (step) this.history = step.history;
    return step?.doc ?? null;
  }

  /** The steps of undo, to be continued later by `resume`. */
  get steps(): History {
    return this.history;
  }

  /** Continues with the steps of undo of a model that was open before. */
  resume(steps: History): void {
    this.history = { ...steps, kind: '' };
    this.set({});
  }

  /** The document before the last step. */
  get lastStep(): Doc | undefined {
    return this.history.past.at(-1);
  }

  /** Removes the model with its numbers, its document and its steps of undo: all of them belong to this model. */
  clear(): void {
    const { tasks, twin, notices } = this.screen;
    this.history = noHistory;
    this.set({ ...EMPTY, tasks, twin, notices });
  }
}
