/**
 * The control of a flip: the flip nodes take their values from examples with the SAME right answer as prompt A, so nothing about the
 * answer differs. It is computed after the flip is painted, and kept by everything that it depends on: what the screen finds for its
 * snapshot is never that of another one.
 */
import { flipActs, hasChanges } from '../domain/edits';
import type { Engine } from '../engine/api';
import type { FlipControlAsked } from '../engine/protocol';
import type { Screen } from './screen';
import type { Session } from './session';
import type { Store } from './store';

/** At most this many examples give values. */
const DONORS = 4;
/** Milliseconds without a new result before a control is computed: it must not delay the next key press. */
const QUIET = 250;
/** How many controls are kept. */
const KEPT = 32;

/**
 * The input of the flip's control. Null if the flip is not the only edit, if the right answer is not known, or if no example has it.
 */
export function controlAsked({ snapshot, placeholder }: Pick<Screen, 'snapshot' | 'placeholder'>): FlipControlAsked | null {
  if (!snapshot || placeholder) return null;
  const { task, result: { a, edits, answer } } = snapshot;
  if (answer === null || !flipActs(edits) || hasChanges(edits)) return null;
  const donors = task.presets
    .filter((preset) => preset.answer !== undefined && !preset.fails)
    .map((preset) => (preset.answer === answer ? preset.a.text : preset.b.text))
    .filter((text, index, all) => text !== a.text && all.indexOf(text) === index)
    .slice(0, DONORS);
  return donors.length === 0 ? null : { task: task.name, a: a.text, donors, mode: edits.mode };
}

function keyOf(asked: FlipControlAsked): string {
  return JSON.stringify([asked.task, asked.a, asked.donors, asked.mode]);
}

/** The two probabilities of the flip's control for each donor. Null until they are computed. */
export function controlOf(screen: Pick<Screen, 'snapshot' | 'placeholder' | 'controls'>): [number, number][] | null {
  const asked = controlAsked(screen);
  return asked && (screen.controls.get(keyOf(asked)) ?? null);
}

export class FlipControls {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private seen: Screen['snapshot'] = null;
  private running = false;

  constructor(
    private readonly engine: Engine,
    private readonly store: Store,
    private readonly session: Session,
  ) {}

  /** Call this when the screen may have changed. */
  follow(): void {
    const { snapshot, phase } = this.store.screen;
    if (phase !== 'ready' || snapshot === this.seen) return;
    this.seen = snapshot;
    clearTimeout(this.timer);
    if (this.missing()) this.timer = setTimeout(() => void this.run(), QUIET);
  }

  /** The control that the screen lacks. */
  private missing(): FlipControlAsked | null {
    const { screen } = this.store;
    const asked = controlAsked(screen);
    return asked && !screen.controls.has(keyOf(asked)) ? asked : null;
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    for (let asked = this.missing(); asked && this.store.screen.phase === 'ready'; asked = this.missing()) {
      const current = this.session.watch();
      // Without an answer the screen says nothing about a control; it does not ask again.
      const p = await this.engine.flipControl(asked).catch(() => []);
      if (!current()) continue;
      const kept = [...this.store.screen.controls].slice(1 - KEPT);
      this.store.set({ controls: new Map([...kept, [keyOf(asked), p]]) });
    }
    this.running = false;
  }
}
