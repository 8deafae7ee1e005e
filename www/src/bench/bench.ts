/**
 * Measures the page as it is, in a frame: the engine's runs, and the way from a key to painted numbers. Results stand in a table and,
 * as JSON, in `benchResult` for `scripts/bench.mjs`.
 */
import type { Page } from '../components/page';
import type { Screen } from '../state/screen';

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
  backend: string;
  rows: Row[];
}

declare global {
  interface Window {
    benchResult?: BenchResult | { error: string };
  }
}

const WARM = 10;
const RUNS = 60;
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
  private constructor(private readonly window: Window, private readonly page: Page) {}

  static async open(): Promise<Subject> {
    const frame = document.createElement('iframe');
    frame.src = './index.html';
    document.body.append(frame);
    await new Promise((done) => frame.addEventListener('load', done, { once: true }));
    const window = frame.contentWindow!;
    for (;;) {
      const page = window.document.querySelector<Page>('sc-page');
      const phase = page?.controller.screen.phase;
      if (phase === 'ready') return new Subject(window, page!);
      if (phase === 'error') throw new Error(page!.controller.screen.failure ?? 'The page does not run.');
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  get screen(): Screen {
    return this.page.controller.screen;
  }

  get tokens(): number {
    return this.screen.numbers!.shown.a.tokens.length;
  }

  /** Milliseconds of an input until its chances are in the document, until the frame with them is out, and until that with the graph is. */
  private async timed(act: () => void): Promise<Times> {
    const start = performance.now();
    const { numbers } = this.screen;
    act();
    // The same text again asks nothing.
    if (this.screen.phase === 'busy') await this.until(() => this.screen.numbers !== numbers);
    await this.page.updateComplete;
    const written = performance.now() - start;
    const whole = this.screen.phase === 'ready';
    await this.frame();
    const painted = performance.now() - start;
    if (whole) return { written, painted, complete: painted };
    await this.until(() => this.screen.phase === 'ready');
    await this.page.updateComplete;
    await this.frame();
    return { written, painted, complete: performance.now() - start };
  }

  private async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.screen.phase === 'error') throw new Error(this.screen.failure ?? 'The page does not run.');
      await new Promise<void>((done) => {
        const leave = this.page.controller.subscribe(() => {
          leave();
          done();
        });
      });
    }
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

/** One key after the other: the prompt's last letter comes and goes. */
async function typing(subject: Subject, text: string, rows: Row[]): Promise<void> {
  const runs: number[] = [];
  const all: Times[] = [];
  await subject.type(text);
  const tokens = subject.tokens;
  for (let key = 0; key < WARM + RUNS; key++) {
    const times = await subject.type(key % 2 === 0 ? `${text}x` : text);
    if (key < WARM) continue;
    runs.push(subject.screen.numbers!.shown.view.ms);
    all.push(times);
  }
  const of = (name: string, read: (times: Times) => number) => row(name, tokens, all.map(read));
  rows.push(row('run with all hooks', tokens, runs), of('key to numbers in the page', (times) => times.written),
    of('key to painted numbers', (times) => times.painted), of('key to painted graph', (times) => times.complete));
}

async function measure(): Promise<BenchResult> {
  const start = performance.now();
  const subject = await Subject.open();
  const rows = [row('open to live numbers', subject.tokens, [performance.now() - start])];
  await typing(subject, subject.screen.doc.a, rows);
  let text = 'print("a';
  for (await subject.type(text); subject.tokens < TOKENS; await subject.type(text)) text = `x = ${text.length}\n${text}`;
  await typing(subject, text, rows);
  const flips: Times[] = [];
  for (let press = 0; press < WARM + RUNS; press++) {
    const times = await subject.flip();
    if (press >= WARM) flips.push(times);
  }
  rows.push(row('flip to painted numbers', subject.tokens, flips.map((times) => times.painted)), row('flip to painted graph', subject.tokens, flips.map((times) => times.complete)));
  return { browser: navigator.userAgent, cores: navigator.hardwareConcurrency, backend: subject.screen.backend?.name ?? '', rows };
}

function show(result: BenchResult): void {
  const ms = (value: number) => value.toFixed(value < 10 ? 2 : 1);
  const lines = [['', 'tokens', 'median ms', 'best tenth', 'runs'], ...result.rows.map((one) => [one.name, String(one.tokens), ms(one.median), ms(one.best), String(one.runs)])];
  const table = document.getElementById('table') as HTMLTableElement;
  for (const line of lines) {
    const cells = table.insertRow();
    for (const text of line) cells.insertCell().textContent = text;
  }
  document.getElementById('state')!.textContent = `${result.backend}, ${result.cores} cores, ${result.browser}`;
}

try {
  const result = await measure();
  show(result);
  window.benchResult = result;
} catch (error) {
  window.benchResult = { error: String(error) };
  document.getElementById('state')!.textContent = String(error);
}
