/**
 * Draws the circuit of each task of the default model as an SVG file: what `<sparse-circuit>` shows before it is live. The first one is
 * also the picture of links to the page. The numbers come from the engine, the drawing from the page's own component.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nothing, type TemplateResult } from 'lit';
import type { Session } from 'sparse-circuits-engine';
import { isReliable, modelNodes } from '../src/domain/circuit';
import type { ManifestModel, ManifestTask } from '../src/engine/manifest';
import type { CircuitInfo, ModelInfo, RunResult, View, ViewRequest } from '../src/engine/protocol';
import { Graph } from '../src/features/graph/graph';
import { hatch } from '../src/features/graph/hatch';
import { opening } from '../src/state/document';
import type { Snapshot } from '../src/state/screen';
import { page as text } from '../src/text/en';
import { plainText } from '../src/text/rich-text';
import { openEngine } from './engine';
import { sharePicture } from './share-picture';

/** The drawing in an embed of 720 pixels. */
const ROOM = { width: 694, height: 340 };
const TITLE = 40;

/** `root` is the repository; `out` is the folder of the page. Writes `posters/TASK.svg`, `posters/default.svg` and `share.png`. */
export async function writePosters(root: string, out: string): Promise<void> {
  const { session, model, addCircuit } = await openEngine(root);
  const [tokens, rules] = await Promise.all(['common/tokens', 'graph/graph'].map((name) => readFile(join(root, `www/src/features/${name}.css`), 'utf8'))) as [string, string];
  await mkdir(join(out, 'posters'), { recursive: true });
  for (const task of model.tasks) {
    const circuit = await addCircuit(task);
    const graph = drawing(snapshot(session, task, circuit));
    const picture = poster(task, graph, `${tokens}\n${rules}`);
    await writeFile(join(out, `posters/${task.name}.svg`), picture);
    if (task !== first(model)) continue;
    await writeFile(join(out, 'posters/default.svg'), picture);
    const line = plainText(text.circuitOf(circuit.nodes.length, modelNodes(session.modelInfo() as ModelInfo), isReliable(circuit)));
    await writeFile(join(out, 'share.png'), await sharePicture(escape(task.sentence), escape(line), graph.replace('>', `>${hidden}`), rules, tokens));
  }
}

const first = (model: ManifestModel): ManifestTask => model.tasks[0]!;

/** The first preset in full mode, as the page opens. */
function snapshot(session: Session, listed: ManifestTask, circuit: CircuitInfo): Snapshot {
  const { circuit: _file, bytes: _bytes, ...rest } = listed;
  const { a, b, answer = null } = listed.presets[0]!;
  const doc = opening(listed.name, a.text, null);
  const ids = (prompt: typeof a) => prompt.tokens.map((token) => token.id);
  const request: ViewRequest = { task: listed.name, a: ids(a), b: ids(b), edits: doc.edits, target: null, token: null, head: null };
  const result: RunResult = { a, b, reason: null, answer, edits: doc.edits, view: session.run(request) as View, backend: 'cpu' };
  return { task: { ...rest, circuit }, doc, result };
}

/** The component as a template. Outside a document it is never updated, so this calls what an update calls. */
function drawing(snapshot: Snapshot): string {
  const graph = Object.assign(new Graph(), { snapshot, room: ROOM }) as unknown as { willUpdate(changes: Map<string, unknown>): void; render(): TemplateResult };
  graph.willUpdate(new Map());
  return markup(graph.render()).trim();
}

/** The patterns that the drawing uses. */
const hidden = markup(hatch).replace(/class="vh"/, 'width="0" height="0"');

function poster(task: ManifestTask, graph: string, css: string): string {
  const height = Number(/ height="([\d.]+)"/.exec(graph)![1]);
  const [width, all] = [ROOM.width + 24, height + TITLE + 12];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${all}" viewBox="0 0 ${width} ${all}">
<style>${css}
svg { font: 14px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.frame { fill: var(--card); stroke: var(--line); } .title { font-weight: 600; fill: var(--ink); }</style>
<rect class="frame" x="0.5" y="0.5" width="${width - 1}" height="${all - 1}" rx="12"/>
<text class="title" x="20" y="28">${escape(task.sentence)}</text>
${hidden}
${graph.replace(/^<svg/, `<svg x="12" y="${TITLE}"`)}
</svg>
`;
}

/** A template of Lit as text, without its event handlers. */
function markup({ strings, values }: Pick<TemplateResult, 'strings' | 'values'>): string {
  let text = '';
  strings.forEach((part, index) => {
    const value = values[index];
    const attribute = /\s([@.?]?)[\w:-]+=$/.exec(part);
    if (!attribute || index === values.length) text += part + content(value);
    else if (attribute[1] !== '' || value === nothing) text += part.slice(0, attribute.index);
    else text += `${part}"${escape(String(value))}"`;
  });
  return text;
}

function content(value: unknown): string {
  if (value === nothing || value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(content).join('');
  return typeof value === 'object' && 'strings' in value ? markup(value as TemplateResult) : escape(String(value));
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
