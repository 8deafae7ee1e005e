/** Everything on the screen tells the same story: bars, marks, boxes and the sentence agree, with each other and with the native command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, type Page } from './test';
import { native, root } from './native';
import { listed, open, ready, type ManifestTask } from './page';

/** Prompts of a task in all, and how many of them are compared with the command. */
const PROMPTS = 60;
const SAMPLE = 3;

/** Odd prompts, which every task gets. */
const ODD = [
  'x', ' ', '\n', '\t', 'def f(a, b):\n    return ', 'print("it\'s a', "print('abc' + \"def", 'f("a" \'b', "print(f'total {total", 'Er sagte "guten Tag', '"""doc', "'''doc\nmore",
  'x = [[[1', 'm = [\n    [1, 2', 'print([[1, 2', 'a = [1, {2: [3', 'x = 3\nif x', 'if True:\n    x', 'if x > 3:\n    y', 's = set()\nfor c in x:\n    s', 'd = {"a": "b', '# it\'s "a', "s = 'a\\'b",
  'é = "ü', 'x = "🙂', '1 +', '((((', 'My name is Tom', `x = "${'a '.repeat(160)}`, 'import os\nimport sys\n\n\nclass A:\n    def b(self):\n        return self.c',
];

interface Case {
  text: string;
  /** Known to be right after it; null if not. */
  right: 0 | 1 | null;
}

/** The prompts of a task: its examples, the hand-written ones, and odd ones. */
function cases(task: ManifestTask): Case[] {
  const examples = task.presets.flatMap((preset): Case[] => [{ text: preset.a.text, right: null }, { text: preset.b.text, right: null }]);
  const blocks = readFileSync(join(root, 'src/tasks/handwritten', `${task.name}.txt`), 'utf8').split(/^=== /m).slice(1);
  const written = blocks.flatMap((block): Case[] => {
    const [head, ...lines] = block.split('\n');
    const right = task.candidates.findIndex((candidate) => candidate.trim() === head!.trim());
    return right < 0 ? [] : [{ text: lines.join('\n').replace(/\n$/, ''), right: right as 0 | 1 }];
  });
  const odd = ODD.map((text): Case => ({ text, right: null }));
  return [...examples, ...written.slice(0, PROMPTS - examples.length - odd.length), ...odd].slice(0, PROMPTS);
}

interface Shown {
  mode: string;
  pressed: string;
  p: [number, number];
  digits: string[];
  was: (number | null)[];
  full: (number | null)[];
  baseline: (number | null)[];
  wrong: boolean[];
  logits: [number, number];
  score: number;
  scoreP: number;
  summary: { kind: string; mode: string; winner: number; fullWinner: number; wrong: boolean; right: number | null; text: string };
  says: string;
}

/** Defines `window.shown`, `window.press` and `window.enter`: hundreds of screens are read, and a round trip for each would take minutes. */
async function prepare(page: Page): Promise<void> {
  await page.evaluate(() => {
    const find = (id: string) => document.querySelector<HTMLElement>(`[data-testid=${id}]`)!;
    const number = (element: Element, name: string) => (element.getAttribute(name) === null ? null : Number(element.getAttribute(name)));
    const ready = async () => {
      do await new Promise((done) => setTimeout(done));
      while (find('status').dataset['state'] !== 'ready');
    };
    const shown = (): Shown => {
      const bars = [find('p-target'), find('p-alt')];
      const pair = (name: string) => bars.map((bar) => number(bar, name));
      const summary = find('summary');
      return {
        mode: find('who').dataset['mode']!,
        pressed: document.querySelector('[data-testid^=mode-][aria-pressed=true]')!.getAttribute('data-testid')!.replace('mode-', ''),
        p: pair('data-value') as [number, number],
        digits: bars.map((bar) => bar.closest('.bar')!.querySelector('b')!.textContent!.replace('%', '').trim()),
        was: pair('data-was'), full: pair('data-full'), baseline: pair('data-baseline'),
        wrong: bars.map((bar) => bar.dataset['wrong'] === 'true'),
        logits: [0, 1].map((index) => number(find(`logit-${index}`), 'data-value')!) as [number, number],
        score: number(find('score'), 'data-value')!, scoreP: number(find('score'), 'data-p')!,
        summary: {
          kind: summary.dataset['kind']!, mode: summary.dataset['mode']!, winner: number(summary, 'data-winner')!, fullWinner: number(summary, 'data-full-winner')!,
          wrong: summary.dataset['wrong'] === 'true', right: number(summary, 'data-right'), text: summary.textContent!,
        },
        says: [...document.querySelectorAll<HTMLElement>('.next, .summary, .facts, .act')].map((one) => one.textContent).join('\n'),
      };
    };
    const press = async (id: string) => {
      find(id).click();
      await ready();
      return shown();
    };
    const enter = async (text: string) => {
      const area = find('prompt-a') as HTMLTextAreaElement;
      area.value = text;
      area.dispatchEvent(new Event('input', { bubbles: true }));
      await ready();
    };
    const canFlip = () => !(find('flip') as HTMLButtonElement).disabled;
    Object.assign(window, { story: { shown, press, enter, canFlip } });
  });
}

interface Screens {
  shown(): Shown;
  press(id: string): Promise<Shown>;
  enter(text: string): Promise<void>;
  canFlip(): boolean;
}

/** The screen of each mode after a prompt; with `flip`, also flipped and back. */
const tour = (page: Page, text: string, flip: boolean) => page.evaluate(async ([text, flip]) => {
  const { press, enter, canFlip } = (window as unknown as { story: Screens }).story;
  await enter(text);
  const result: { mode: string; on: Shown; flipped: Shown | null; back: Shown | null }[] = [];
  for (const mode of ['full', 'circuit', 'removed']) {
    const on = await press(`mode-${mode}`);
    const flips = flip && mode !== 'removed' && canFlip();
    result.push({ mode, on, flipped: flips ? await press('flip') : null, back: flips ? await press('flip') : null });
  }
  return result;
}, [text, flip] as const);

const shown = async (page: Page) => {
  await prepare(page);
  return page.evaluate(() => (window as unknown as { story: Screens }).story.shown());
};

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const likelier = ([first, second]: [number, number]) => (second > first ? 1 : 0);
const percent = (p: number) => (p * 100 < 0.05 ? '<0.1' : p * 100 >= 99.95 ? '>99.9' : (p * 100).toFixed(1));
/** Bars, boxes, marks and sentence of one screen. */
function agree(on: Shown, mode: string, edited: boolean, of: { scale: number; shift: number; deviation: number }, where: string): void {
  expect([on.mode, on.pressed, on.summary.mode], where).toEqual([mode, mode, mode]);
  expect(on.p[0] + on.p[1], where).toBeCloseTo(1, 6);
  expect(on.digits, where).toEqual(on.p.map(percent));
  // The boxes add up to the bars.
  const difference = on.logits[0] - on.logits[1];
  expect(Math.abs(on.score - (mode === 'circuit' ? (of.scale * difference) / of.deviation + of.shift : difference)), where).toBeLessThan(1e-3);
  expect(Math.abs(sigmoid(on.score) - on.p[0]), where).toBeLessThan(1e-4);
  expect(on.scoreP, where).toBe(on.p[0]);
  // The marks.
  expect(on.full.every((one) => one !== null), where).toBe(mode !== 'full');
  expect(on.baseline.every((one) => one !== null), where).toBe(mode === 'circuit');
  expect(on.was.every((one) => one !== null), where).toBe(edited);
  // The sentence.
  expect(on.summary.winner, where).toBe(likelier(on.p));
  if (mode !== 'full') expect(on.summary.fullWinner, where).toBe(likelier(on.full as [number, number]));
  if (!edited && on.summary.kind !== 'no-task') {
    expect(on.summary.text, where).toContain(percent(on.p[on.summary.winner]!));
    if (mode === 'circuit') expect(on.summary.kind, where).toBe(on.summary.winner === on.summary.fullWinner ? 'agrees' : 'disagrees');
  }
  // Wrong is called wrong, and only if the right answer is known.
  const wrong = on.summary.right !== null && on.summary.right !== on.summary.winner && on.digits[0] !== on.digits[1];
  expect(on.summary.wrong, where).toBe(wrong);
  expect(on.wrong, where).toEqual([0, 1].map((side) => wrong && side === on.summary.winner));
  // Nobody calls the circuit the model.
  expect(on.says, where).not.toMatch(/\bthe model (sees|expects)\b/i);
  if (mode === 'circuit') expect(on.says, where).not.toMatch(/(?<!full )\bmodel (prefers|says|answers|now)\b/i);
}

for (const task of listed().tasks) {
  test(`${task.name}: the screen tells one story on ${PROMPTS} prompts, in all modes and with edits`, { tag: '@fast-backends' }, async ({ page }) => {
    test.setTimeout(300_000);
    const file = `models/circuits/${task.name}.json`;
    const { circuit } = JSON.parse(readFileSync(join(root, file), 'utf8')) as { circuit: { calibration: { scale: number; shift: number; deviation: number } } };
    const all = cases(task);
    expect(all.length).toBe(PROMPTS);
    // These tests read the document and not pixels: a hidden page does not wait for frames.
    await page.addInitScript(() => Object.defineProperty(document, 'hidden', { get: () => true }));
    await open(page, `#v=1&task=${task.name}`);
    await prepare(page);
    for (const [index, { text, right }] of all.entries()) {
      let full: [number, number] | null = null;
      for (const { mode, on, flipped, back } of await tour(page, text, index % 6 === 0)) {
        const where = `${JSON.stringify(text)} in ${mode}`;
        agree(on, mode, false, circuit.calibration, where);
        if (right !== null && on.summary.right !== null) expect(on.summary.right, where).toBe(right);
        full ??= on.p;
        if (mode !== 'full') for (const side of [0, 1] as const) expect(on.full[side], where).toBeCloseTo(full[side], 6);
        if (index % Math.floor(PROMPTS / SAMPLE) === 0) {
          const { p } = native('predict', '--model', `models/${listed().file}`, '--circuit', file, '--task', task.name, '--prompt', text, '--mode', mode, '--json') as { p: [number, number] };
          for (const side of [0, 1] as const) expect(Math.abs(on.p[side] - p[side]), where).toBeLessThan(1e-4);
        }
        if (!flipped || !back) continue;
        agree(flipped, mode, true, circuit.calibration, `${where}, flipped`);
        for (const side of [0, 1] as const) expect(flipped.was[side], where).toBeCloseTo(on.p[side], 6);
        expect(back.p, where).toEqual(on.p);
      }
    }
  });
}

test('a fresh link to a flip tells what it changed, as the page did', async ({ page }) => {
  await open(page);
  await page.getByTestId('flip').click();
  await ready(page);
  const before = await shown(page);
  const link = new URL(page.url()).hash;
  await page.goto('about:blank');
  await open(page, link);
  const after = await shown(page);
  expect(after.summary).toEqual(before.summary);
  expect(after.was).toEqual(before.was);
  expect(after.was.every((one) => one !== null)).toBe(true);
});

test('the logit panel shows the steps to the bar, in circuit mode and in full mode', async ({ page }) => {
  await open(page, '#v=1&mode=circuit');
  await page.getByTestId('score').click();
  await ready(page);
  const steps = page.getByTestId('steps');
  const value = async (name: string, at = 0) => Number(await steps.locator(`[data-step=${name}]`).nth(at).getAttribute('data-value'));
  const score = Number(await page.getByTestId('score').getAttribute('data-value'));
  expect(await value('score')).toBe(score);
  expect((await value('logit')) - (await value('logit', 1))).toBeCloseTo(await value('difference'), 5);
  expect(await value('p')).toBe(Number(await page.getByTestId('p-target').getAttribute('data-value')));
  expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('node')).toBe('logit.0');
  await page.getByTestId('mode-full').click();
  await ready(page);
  await expect(steps.locator('[data-step=divided]')).toHaveCount(0);
  expect(Math.abs(sigmoid(await value('difference')) - (await value('p')))).toBeLessThan(1e-5);
});

test('head, embedding and edge answer a click, and a word of the glossary explains itself', async ({ page }) => {
  await open(page);
  const panel = page.getByTestId('node-panel');
  await page.locator('[data-head]').first().click();
  await ready(page);
  await expect(page.getByTestId('pattern')).toBeVisible();
  await page.locator('[data-selection=embedding]').first().click();
  await expect(panel).toHaveAttribute('data-selection', 'embedding');
  // The lines to the logits, and where attention multiplies a value.
  await page.locator('.edge.neg + .edge-hit:has(title), .edge.pos + .edge-hit:has(title)').last().dispatchEvent('click');
  await expect(panel).toHaveAttribute('data-selection', /^logit\.[01]$/);
  await page.locator('.times').first().click();
  await expect(panel).toHaveAttribute('data-selection', /^head\.\d+\.\d+$/);
  const [from, to] = await page.locator('.edge[data-to]').first().evaluate((edge) => [edge.getAttribute('data-from'), edge.getAttribute('data-to')]);
  await page.locator('.edge[data-to] ~ .edge-hit').first().dispatchEvent('click');
  await expect(panel).toHaveAttribute('data-selection', `${from}:${to}`);
  // In a sentence, and in the titles of the drawing.
  for (const word of ['.term', 'svg .term']) {
    await page.locator(word).first().focus();
    await expect(page.getByTestId('term-tip')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByTestId('term-tip')).toHaveCount(0);
    await expect(panel).toBeVisible();
  }
});

test('the stepper moves the drawing to another token and back', async ({ page }) => {
  await open(page);
  const stepper = page.getByTestId('stepper');
  const start = await stepper.getAttribute('data-token');
  await page.getByTestId('token-last').click();
  await ready(page);
  await expect(stepper).toHaveAttribute('data-chosen', 'true');
  await expect(page.getByTestId('read-at')).toHaveCount(1);
  await page.getByTestId('token-reset').click();
  await ready(page);
  await expect(stepper).toHaveAttribute('data-token', start!);
  await expect(stepper).toHaveAttribute('data-chosen', 'false');
});
