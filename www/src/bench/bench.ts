/**
 * Measures the page as it is, in a frame: the engine's runs, and the way from a key to painted numbers, on both backends; then the
 * backends themselves, side by side. Results stand in two tables and as JSON, in `benchResult` for `scripts/bench.mjs`.
 */
import type { Page } from '../features/page/page';
import type { Screen } from '../state/screen';
import type { BackendName } from '../engine/protocol';
import { caution, lines, compareBackends, type ComparisonResult } from './compare-backends';
import { Options } from './options';

interface Row {
  name: string;
  tokens: number;
  /** Milliseconds. A busy machine shows in the median, not in the best tenth. */
  median: number;
  best: number;
  runs: number;
}

export interface BenchResult {
  browser: string;
  cores: number;
  rows: Row[];
  backends: ComparisonResult | null;
}

declare global {
  interface Window {
    benchResult?: BenchResult | { error: string };
  }
}

const options = new Options(window.location.hash);
const RUNS = options.runs ?? 60;
const WARM = Math.min(10, RUNS);
/** Milliseconds after which no further run begins: some backends take seconds for each. */
const ENOUGH = 10_000;
const TOKENS = 64;

function row(name: string, tokens: number, times: number[]): Row {
  const sorted = times.slice().sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { name, tokens, median: at(0.5), best: at(0.1), runs: times.length };
}

interface Times {
  written: number;
  painted: number;
  complete: number;
}

/** The page in a frame of its own, and what a person does there. */
class Subject {
  private constructor(private readonly frameElement: HTMLIFrameElement, private readonly page: Page) {}

  private get window(): Window {
    return this.frameElement.contentWindow!;
  }

  /** Null where the page cannot run on it. */
  static async open(backend: BackendName): Promise<Subject | null> {
    const frame = document.createElement('iframe');
    frame.src = `./index.html#backend=${backend}`;
    document.body.append(frame);
    await new Promise((done) => frame.addEventListener('load', done, { once: true }));
    const window = frame.contentWindow!;
    for (;;) {
      const page = window.document.querySelector<Page>('sc-page');
      const phase = page?.playground.screen.phase;
      if (phase === 'ready') {
        if (page!.playground.screen.backend?.name === backend) return new Subject(frame, page!);
        frame.remove();
        return null;
      }
      if (phase === 'error') throw new Error(page!.playground.screen.failure ?? 'The page does not run.');
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  close(): void {
    this.frameElement.remove();
  }

  get screen(): Screen {
    return this.page.playground.screen;
  }

  get tokens(): number {
    return this.screen.snapshot!.result.a.tokens.length;
  }

  /** Milliseconds of an input until its chances are in the document, until the frame with them is out, and until that with the graph is. */
  private async timed(act: () => void): Promise<Times> {
    const start = performance.now();
    const { snapshot } = this.screen;
    act();
    // The same text again asks nothing.
    const written = (await this.until(() => this.screen.phase !== 'busy' || this.screen.snapshot !== snapshot)) - start;
    const whole = this.screen.phase === 'ready';
    await this.frame();
    const painted = performance.now() - start;
    if (whole) return { written, painted, complete: painted };
    await this.until(() => this.screen.phase === 'ready');
    await this.frame();
    return { written, painted, complete: performance.now() - start };
  }

  /** The time at which the page has written into the document what `holds` asks for, before it does anything else. */
  private async until(holds: () => boolean): Promise<number> {
    for (;;) {
      if (this.screen.phase === 'error') throw new Error(this.screen.failure ?? 'The page does not run.');
      if (holds()) return this.written();
      const time = await new Promise<number | null>((done) => {
        const leave = this.page.playground.subscribe(() => {
          leave();
          done(holds() ? this.written() : null);
        });
      });
      if (time !== null) return time;
    }
  }

  private written(): Promise<number> {
    return this.page.updateComplete.then(() => performance.now());
  }

  private frame(): Promise<unknown> {
    return new Promise((done) => this.window.requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = done;
      port2.postMessage(null);
    }));
  }

  type(text: string): Promise<Times> {
    return this.timed(() => {
      const area = this.window.document.querySelector<HTMLTextAreaElement>('[data-testid=prompt-a]')!;
      area.value = text;
      area.dispatchEvent(new Event('input', { bubbles: true }));
    });
  }

  flip(): Promise<Times> {
    return this.timed(() => this.window.document.querySelector<HTMLButtonElement>('[data-testid=flip]')!.click());
  }
}

/** Milliseconds between two inputs, as of somebody who types fast. Without a pause the browser is still drawing the frame before. */
const PAUSE = 100;
/** Milliseconds of a frame. A person's keys come at any time of it: 100 ms are 6 frames, and would always meet the same part. */
const FRAME = 17;

/** So many runs as count, after those that do not; at least one, and never the first. */
async function timed(act: (run: number) => Promise<Times>): Promise<Times[]> {
  const all: Times[] = [];
  const end = performance.now() + ENOUGH;
  for (let run = 0; run < WARM + RUNS && (run < 2 || performance.now() < end); run++) {
    await new Promise((done) => setTimeout(done, PAUSE + ((5 * run) % FRAME)));
    const times = await act(run);
    if (run === 1 || run === WARM) all.length = 0;
    all.push(times);
  }
  return all;
}

/** One key after the other: the prompt's last letter comes and goes. */
async function typing(subject: Subject, text: string, rows: Row[]): Promise<void> {
  const runs: number[] = [];
  await subject.type(text);
  const tokens = subject.tokens;
  const all = await timed(async (key) => {
    const times = await subject.type(key % 2 === 0 ? `${text}x` : text);
    runs.push(subject.screen.snapshot!.result.view.ms);
    return times;
  });
  const of = (name: string, read: (times: Times) => number) => row(name, tokens, all.map(read));
  rows.push(row('run with all hooks', tokens, runs.slice(-all.length)), of('key to numbers in the page', (times) => times.written),
    of('key to painted numbers', (times) => times.painted), of('key to painted graph', (times) => times.complete));
}

/** Nothing where the page cannot run on it. */
async function measure(backend: BackendName): Promise<Row[]> {
  const start = performance.now();
  const subject = await Subject.open(backend);
  if (!subject) return [];
  const rows = [row('open to live numbers', subject.tokens, [performance.now() - start])];
  await typing(subject, subject.screen.doc.a, rows);
  let text = 'print("a';
  for (await subject.type(text); subject.tokens < TOKENS; await subject.type(text)) text = `x = ${text.length}\n${text}`;
  await typing(subject, text, rows);
  const flips = await timed(() => subject.flip());
  rows.push(row('flip to painted numbers', subject.tokens, flips.map((times) => times.painted)), row('flip to painted graph', subject.tokens, flips.map((times) => times.complete)));
  subject.close();
  return rows.map((one) => ({ ...one, name: `${backend}: ${one.name}` }));
}

function fill(id: string, lines: string[][]): void {
  const table = document.getElementById(id) as HTMLTableElement;
  table.replaceChildren();
  for (const line of lines) {
    const cells = table.insertRow();
    for (const text of line) cells.insertCell().textContent = text;
  }
}

function say(id: string, text: string): void {
  document.getElementById(id)!.textContent = text;
}

function showPage(rows: Row[]): void {
  const ms = (value: number) => value.toFixed(value < 10 ? 2 : 1);
  fill('table', [['', 'tokens', 'median ms', 'best tenth', 'runs'], ...rows.map((one) => [one.name, String(one.tokens), ms(one.median), ms(one.best), String(one.runs)])]);
}

function showBackends(result: ComparisonResult): void {
  say('device', caution(result));
  document.getElementById('device')!.dataset['device'] = result.device === null ? 'none' : result.software ? 'software' : 'gpu';
  say('state', `Measured ${result.rows.length} of ${result.planned}; keep this tab in front.`);
  fill('backends', lines(result));
}

async function measureAll(): Promise<BenchResult> {
  const rows: Row[] = [];
  for (const backend of options.has('page') ? (['cpu', 'webgpu'] as const) : []) {
    rows.push(...(await measure(backend)));
    showPage(rows);
  }
  const backends = options.has('backends') ? await compareBackends(options, showBackends) : null;
  return { browser: navigator.userAgent, cores: navigator.hardwareConcurrency, rows, backends };
}

window.addEventListener('hashchange', () => window.location.reload());
try {
  const result = await measureAll();
  say('state', `${result.cores} cores, ${result.browser}`);
  say('json', JSON.stringify(result));
  window.benchResult = result;
} catch (error) {
  window.benchResult = { error: String(error) };
  say('state', String(error));
}
