/**
 * The parts of the teacher's page that hold numbers or links: the engine answers the questions of the tour during the build, so that the
 * worksheet cannot differ from the page.
 */
import startTokenizer, { WebTokenizer } from 'sparse-circuits-tokenizer';
import type { ManifestTask } from '../src/engine/manifest';
import { encode as tokenize } from '../src/engine/prompts';
import type { CircuitInfo, ModelInfo, RunResult, Ruling, TaskInfo, View } from '../src/engine/protocol';
import { answerOf } from '../src/features/prediction/answer';
import { answeredOf, askedOf, ORDER, outcome, sceneOf, type Scene } from '../src/features/lesson/steps';
import { opening, withMode, withTour, type Doc } from '../src/state/document';
import type { Snapshot } from '../src/state/screen';
import { encode } from '../src/state/url';
import { count, percent, showToken, wholePercent } from '../src/text/format';
import { glossary, type TermKey } from '../src/text/glossary';
import { tour as text } from '../src/text/en/lesson';
import type { RichText } from '../src/text/rich-text';
import { openEngine, type OpenEngine } from './engine';

/** The words of the list, in its order. */
const WORDS: TermKey[] = ['token', 'logit', 'node', 'residual', 'residualChannel', 'read', 'write', 'head', 'qkv', 'average', 'ablation', 'circuit', 'counterfactual', 'baseline'];

/** The name of each part, and its HTML. In `teach.html` a part is `<!--NAME-->`. */
export type TeachParts = Record<string, string>;

/** `root` is the repository. */
export async function teachParts(root: string): Promise<TeachParts> {
  const engine = await openEngine(root);
  const listed = engine.model.tasks[0]!;
  const run = await runner(engine, listed);
  const { model, task } = run;
  const scenes = ORDER.map((_, index) => sceneOf(index + 1, task)!);
  const start = run.of(scenes[0]!.before);
  const fails = listed.presets.find((one) => one.fails);
  const hard = fails && run.of(withMode(opening(task.name, fails.a.text, null), 'circuit'));
  const asked = askedOf(start, model);
  const [first, second] = task.candidates;
  return {
    nodes: count(asked.circuit),
    all: count(asked.model),
    accuracy: task.circuit.accuracy === null ? '' : wholePercent(task.circuit.accuracy),
    candidates: `${code(first)} or ${code(second)}`,
    start: `<pre>${escape(start.result.a.text)}</pre><p>After this text the model gives ${code(task.candidates[answerOf(start).winner])} ${percent(start.result.view.p[answerOf(start).winner])}.</p>`,
    links: links(scenes, engine.model.tasks, task, hard?.doc ?? null),
    questions: scenes.map((scene, index) => question(scene, index + 1, start, model)).join('\n'),
    answers: scenes.map((scene, index) => answer(scene, index + 1, run.of(scene.after), model)).join('\n'),
    circuit: rich(text.end(asked)[0]!),
    flip: rich(text.end(asked)[2]!),
    hard: hard ? disagreement(hard) : '',
    words: WORDS.map((key) => `<dt>${glossary[key].word}</dt><dd>${capital(glossary[key].meaning)}</dd>`).join('\n'),
  };
}

/** Runs documents of a task as the page does. */
async function runner({ session, model: listedModel, read, addCircuit }: OpenEngine, listed: ManifestTask): Promise<{ task: TaskInfo; model: ModelInfo; of(doc: Doc): Snapshot }> {
  await startTokenizer({ module_or_path: await read('pkg/tokenizer/sparse_circuits_tokenizer_bg.wasm') });
  const tokenizer = new WebTokenizer(await read(`models/${listedModel.tokenizer}`));
  const model = session.modelInfo() as ModelInfo;
  const { circuit: _file, bytes: _bytes, ...rest } = listed;
  const task: TaskInfo = { ...rest, circuit: (await addCircuit(listed)) as CircuitInfo };
  const prompt = (words: string) => tokenize(tokenizer, words, model.contextLength);
  return {
    task, model,
    of: (doc) => {
      const { b, answer: right } = tokenizer.counterfactual(task.name, doc.a, model.contextLength) as Ruling;
      const [promptA, promptB] = [prompt(doc.a), b === null ? null : prompt(b)];
      const ids = (of: typeof promptA) => of.tokens.map((token) => token.id);
      const view = session.run({ task: task.name, a: ids(promptA), b: promptB && ids(promptB), edits: doc.edits, target: null, token: null, head: null }) as View;
      const result: RunResult = { a: promptA, b: promptB, reason: null, answer: right, edits: doc.edits, view, backend: 'cpu' };
      return { task, doc, result };
    },
  };
}

function links(scenes: Scene[], tasks: ManifestTask[], task: TaskInfo, hard: Doc | null): string {
  const at = (doc: Doc, step: number, present: boolean) => encode(withTour(doc, { step, shown: false, choice: null, present }));
  const link = (hash: string, words: string, more = '') => `<a href="./${escape(hash)}"${more}>${words}</a>`;
  const start = scenes[0]!.before;
  const rows = scenes.map(({ question, before }, index) => {
    const step = ` data-step="${index + 1}"`;
    const title = escape(text.title(question, { task: task.name, circuit: 0, model: 0, node: '', flips: task.circuit.flipNodes, sees: null }));
    return `<li>${title} ${link(at(before, index + 1, false), 'on the page', step)}, ${link(at(before, index + 1, true), 'in present mode', `${step} data-present`)}</li>`;
  });
  return `<ul>
<li>${link(encode(start), 'The page as it opens')}; ${link(at(start, 0, true), 'the same in present mode', ' data-step="0" data-present')}</li>
${hard ? `<li>${link(encode(hard), 'A text on which the circuit alone is wrong', ' data-mode="circuit"')}</li>` : ''}
</ul>
<ol>${rows.join('\n')}</ol>
<p>The tour with another task: ${tasks.slice(1).map((one) => link(at(opening(one.name, one.presets[0]!.a.text, null), 1, false), escape(one.title), ` data-step="1" data-task="${one.name}"`)).join(', ')}.</p>`;
}

function question({ question, text: newText }: Scene, step: number, start: Snapshot, model: ModelInfo): string {
  const asked = askedOf(start, model);
  const boxes = text.choices(start.task.candidates).map((choice) => `<span class="box">${rich(choice)}</span>`).join(' ');
  return `<li value="${step}"><h3>${escape(text.title(question, asked))}</h3><p>${rich(text.asks(question, asked))}</p>
${newText === null ? '' : `<pre>${escape(newText)}</pre>`}<p class="boxes">${boxes} <span class="line">What happened?</span></p></li>`;
}

function answer({ question }: Scene, step: number, after: Snapshot, model: ModelInfo): string {
  const answered = answeredOf(after, model);
  return `<li value="${step}" data-step="${step}" data-outcome="${outcome(answered)}" data-p="${answered.p.join()}"><p>${rich(text.happens(answered))} ${rich(text.means(question, answered))}</p></li>`;
}

function disagreement(hard: Snapshot): string {
  const { winner, p, full, fullWinner } = answerOf(hard);
  const name = (index: 0 | 1) => code(hard.task.candidates[index]);
  return `<p>For example this text. The circuit alone gives ${name(winner)} ${percent(p[winner])}, the full model ${name(fullWinner)} ${percent(full![fullWinner])}.</p><pre>${escape(hard.result.a.text)}</pre>`;
}

function rich(of: RichText): string {
  return of.map((span) => (typeof span === 'string' ? escape(span) : 'code' in span ? (span.strong ? `<b>${code(span.code)}</b>` : code(span.code)) : 'term' in span ? escape(span.words) : `<b>${escape(span.strong)}</b>`)).join('');
}

function code(words: string): string {
  return `<code translate="no">${escape(showToken(words))}</code>`;
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function escape(words: string): string {
  return words.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
