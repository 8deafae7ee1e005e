/**
 * The dense twin beside the screen: what is to be asked of its engine for the screen shown, and what has been answered.
 * It follows the sparse model's numbers and never goes before them. What the slider needs is asked first and alone; the curve, the
 * random directions, the other channels and the hybrid passes follow one by one, so that a newer question waits for one of them at most.
 */
import { messageOf } from '../../domain/errors';
import { isRead } from '../../domain/nodes';
import type { TwinEngine } from '../../engine/api';
import type { CircuitInfo, HybridView, NodeId, Progress, TwinView } from '../../engine/protocol';
import type { Screen } from '../../state/screen';

/** Number of random directions. */
export const RANDOM = 50;
/** The strengths of the curve. */
export const STRENGTHS: readonly number[] = Array.from({ length: 11 }, (_, index) => index / 10);
/** Milliseconds without typing before a new text is run. */
const QUIET = 150;

/** The inputs of the twin's numbers, except the strength. */
export interface TwinInput {
  task: string;
  a: number[];
  b: number[] | null;
  candidates: [number, number];
  /** Null if the circuit has no reads. */
  channel: NodeId | null;
  /** The circuit's other reads. */
  others: NodeId[];
}

/** The results for one `TwinInput`. A field is null while it is missing or if it failed. */
export interface TwinSnapshot {
  case: TwinInput;
  /** Without steering. */
  before: [number, number];
  /** At this strength. */
  steer: number;
  p: [number, number];
  curve: { strength: number; p: [number, number] }[] | null;
  random: [number, number][] | null;
  others: TwinView['others'] | null;
  hybrid: HybridView | null;
}

export interface TwinScreen {
  phase: 'loading' | 'busy' | 'ready' | 'error';
  progress: Progress | null;
  failure: string | null;
  /** By task, the channel that the bridge names. */
  channels: Record<string, NodeId>;
  snapshot: TwinSnapshot | null;
}

/** The channels that can steer: the circuit's reads of the residual stream. */
export function reads(circuit: CircuitInfo): NodeId[] {
  return circuit.nodes.filter((info) => isRead(info.site)).map((info) => info.node);
}

/** The channel to steer along: the user's choice if the circuit reads it, else the channel of the bridge file, else the circuit's first read. */
export function channelOf(circuit: CircuitInfo, preferred: NodeId | null, named: NodeId | undefined): NodeId | null {
  const all = reads(circuit);
  return [preferred, named].find((node): node is NodeId => node != null && all.includes(node)) ?? all[0] ?? null;
}

/** The `TwinInput` of a screen; null while the sparse model's result does not belong to the current text. */
export function caseOf(screen: Screen, channels: Record<string, NodeId>): TwinInput | null {
  const { snapshot, doc, placeholder } = screen;
  if (!snapshot || placeholder || snapshot.doc.task !== doc.task || snapshot.doc.a !== doc.a || snapshot.doc.b !== doc.b) return null;
  const { task, result } = snapshot;
  const channel = channelOf(task.circuit, doc.twin?.channel ?? null, channels[task.name]);
  return {
    task: task.name,
    a: result.a.tokens.map((token) => token.id),
    b: result.b && result.b.tokens.map((token) => token.id),
    candidates: task.candidateIds,
    channel,
    others: reads(task.circuit).filter((node) => node !== channel),
  };
}

interface Wanted {
  of: TwinInput;
  steer: number;
}

export class TwinRunner {
  screen: TwinScreen = { phase: 'loading', progress: null, failure: null, channels: {}, snapshot: null };
  /** The case of the current screen, and the case that may run now (the same or null). */
  private asked: Wanted | null = null;
  private wanted: Wanted | null = null;
  private at: Screen | null = null;
  private opened = false;
  private running = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly engine: TwinEngine,
    private readonly changed: () => void,
    private readonly quiet = QUIET,
  ) {}

  private set(patch: Partial<TwinScreen>): void {
    this.screen = { ...this.screen, ...patch };
    this.changed();
  }

  async open(source: NonNullable<Screen['twin']>): Promise<void> {
    try {
      const channels = await this.engine.open(source.base, source.listed, (progress) => {
        const before = this.screen.progress?.loaded ?? 0;
        if (!this.opened && progress.loaded >= before) this.set({ progress });
      });
      this.opened = true;
      this.set({ channels, phase: 'busy', progress: null });
      if (this.at) this.follow(this.at);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Call this when the page's screen may have changed. */
  follow(screen: Screen): void {
    this.at = screen;
    if (!this.opened || !screen.doc.twin) return;
    const of = caseOf(screen, this.screen.channels);
    if (!of) {
      // The text has changed: wait for the sparse model.
      this.ask(null);
      return;
    }
    const { steer } = screen.doc.twin;
    if (this.asked && sameCase(this.asked.of, of) && this.asked.steer === steer) return;
    const last = this.screen.snapshot?.case;
    // While the user types, wait for a pause. Run a moved slider, a new channel or a flip at once.
    const typed = last !== undefined && last.task === of.task && JSON.stringify([last.a, last.b]) !== JSON.stringify([of.a, of.b]);
    this.ask({ of, steer }, typed ? this.quiet : 0);
  }

  private ask(asked: Wanted | null, wait = 0): void {
    clearTimeout(this.timer);
    this.asked = asked;
    this.wanted = wait > 0 ? null : asked;
    if (this.screen.phase !== 'busy') this.set({ phase: 'busy' });
    if (wait === 0) void this.run();
    else {
      this.timer = setTimeout(() => {
        this.wanted = asked;
        void this.run();
      }, wait);
    }
  }

  close(): void {
    clearTimeout(this.timer);
    this.asked = this.wanted = null;
    this.opened = false;
  }

  /** Requests the missing parts, the most urgent first, until all are there. */
  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    for (let wanted = this.wanted; wanted; wanted = this.wanted) {
      try {
        const snapshot = await this.next(wanted);
        if (!snapshot) {
          this.wanted = null;
          this.set({ phase: 'ready', failure: null });
        } else if (this.wanted && sameCase(this.wanted.of, snapshot.case)) {
          // Drop an outdated result, unless it is also valid for the new case.
          this.set({ snapshot });
        }
      } catch (error) {
        // This case failed; others may work.
        if (this.wanted === wanted) {
          this.wanted = null;
          this.fail(error);
        }
      }
    }
    this.running = false;
  }

  /** Computes the next missing part and returns the completed results; null if nothing is missing. */
  private async next({ of, steer }: Wanted): Promise<TwinSnapshot | null> {
    const have = this.screen.snapshot;
    const snapshot = have && sameCase(have.case, of) ? have : null;
    const { a, b, candidates, channel, others } = of;
    const ask = (strengths: number[], rest: NodeId[], random: number) =>
      // A circuit without reads cannot steer. Any channel gives the dense model without steering.
      this.engine.steer({ a, b: channel === null ? null : b, node: channel ?? '0.attn.act_in.0', strengths, others: rest, random, candidates });
    if (!snapshot || snapshot.steer !== steer) {
      const view = await ask([steer], [], 0);
      // The hybrid passes do not depend on the channel.
      const hybrid = have && JSON.stringify([have.case.a, have.case.candidates]) === JSON.stringify([a, candidates]) ? have.hybrid : null;
      const empty = { curve: null, random: null, others: null, hybrid };
      return { ...(snapshot ?? empty), case: of, before: view.before, steer, p: view.curve[0] ?? view.before };
    }
    const steers = b !== null && channel !== null;
    if (steers && !snapshot.curve) {
      const { curve } = await ask([...STRENGTHS], [], 0);
      return { ...snapshot, curve: curve.map((p, index) => ({ strength: STRENGTHS[index]!, p })) };
    }
    if (steers && !snapshot.random) return { ...snapshot, random: (await ask([], [], RANDOM)).random };
    if (steers && !snapshot.others) return { ...snapshot, others: (await ask([], others, 0)).others };
    if (!snapshot.hybrid) return { ...snapshot, hybrid: await this.engine.hybrid(a, candidates) };
    return null;
  }

  private fail(error: unknown): void {
    clearTimeout(this.timer);
    this.set({ phase: 'error', failure: messageOf(error), progress: null });
  }
}

function sameCase(one: TwinInput, two: TwinInput): boolean {
  return one === two || JSON.stringify(one) === JSON.stringify(two);
}
