/**
 * The file of a run: what was asked, and all numbers of the answer. Every number is the engine's; a contribution is weight times
 * activation, as in the drawing. `docs/sharing.md` lists the fields.
 */
import { claimOf, type Claim } from '../../domain/claim';
import { edgeId } from '../../domain/edges';
import { contribution, entering, flowOf, row } from '../../domain/flow';
import type { BackendName, Edits, OpenModel, Prompt, TopToken } from '../../engine/protocol';
import type { Snapshot } from '../../state/screen';
import { encode } from '../../state/url';
import { runFile as text } from '../../text/en/export';
import { placedName } from '../../text/names';

const FORMAT = 'sparse-circuits-run';
const VERSION = 1;

/** Bytes of the largest file that is read. That of a long prompt has less than one million. */
export const MAX_BYTES = 8e6;
/** Characters of the longest state, as in a link. */
const MAX_STATE = 65_536;

/** The table of `docs/sharing.md`. */
export interface RunFile {
  format: typeof FORMAT;
  version: typeof VERSION;
  state: string;
  model: OpenModel;
  backend: BackendName;
  task: string;
  prompts: { a: Prompt; b: Prompt | null };
  edits: Edits;
  candidates: { text: string; id: number; p: number; logit: number; pVocabulary: number }[];
  score: number;
  full: [number, number];
  untouched: [number, number] | null;
  baseline: [number, number] | null;
  top: TopToken[];
  marked: number;
  nodes: { node: string; name: string; mean: number; readAt: number; value: number; activations: number[] }[];
  edges: { from: string; to: string; weight: number; activation: number | null; contribution: number | null; off: boolean }[];
  lanes: { channel: number; writes: string[]; reads: string[]; toLogits: [number, number]; embedding: number[] }[];
  heads: { layer: number; head: number; sink: number; attention: number[] }[];
}

export function runFile({ task, doc, result }: Snapshot, model: OpenModel): RunFile {
  const { view } = result;
  const { circuit } = task;
  const flow = flowOf({ task, result });
  return {
    format: FORMAT,
    version: VERSION,
    state: encode(doc).slice(1),
    model,
    backend: result.backend,
    task: task.name,
    prompts: { a: result.a, b: result.b },
    edits: result.edits,
    candidates: ([0, 1] as const).map((index) => ({
      text: task.candidates[index], id: task.candidateIds[index], p: view.p[index], logit: view.logits[index], pVocabulary: view.pFull[index],
    })),
    score: view.score,
    full: view.full.p,
    untouched: view.untouched?.p ?? null,
    baseline: view.baseline,
    top: view.top,
    marked: view.marked,
    nodes: circuit.nodes.map((info, index) => ({
      node: info.node, name: placedName(info), mean: info.mean, readAt: flow.at.get(info.node)!, value: flow.value.get(info.node)!,
      activations: [...row(view.activations, view, index)],
    })),
    edges: circuit.edges.map((edge) => ({
      from: edge.from, to: edge.to, weight: edge.weight, activation: entering(flow, edge), contribution: contribution(flow, edge), off: flow.off.has(edgeId(edge)),
    })),
    lanes: circuit.lanes.map((lane, index) => ({ ...lane, embedding: [...row(view.embedding, view, index)] })),
    heads: view.heads.map((head, index) => ({ ...head, attention: [...row(view.attention, view, index)] })),
  };
}

/** One line for each field, and one for each item of a list of objects. */
export function writeJson(file: RunFile): string {
  const lines = Object.entries(file).map(([key, value]) => {
    const rows = Array.isArray(value) && typeof value[0] === 'object' ? `[\n${value.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n ]` : JSON.stringify(value);
    return ` ${JSON.stringify(key)}: ${rows}`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

/**
 * One row for each candidate, for each node at each token, and for each edge. Texts are JSON strings: they hold no line end, and no
 * spreadsheet takes them for a formula.
 */
export function writeCsv({ prompts, candidates, nodes, edges }: RunFile): string {
  const tokens = prompts.a.tokens.map((token) => JSON.stringify(token.text));
  const rows: (string | number | boolean | null)[][] = [
    ['kind', 'id', 'to', 'token_index', 'token', 'read_here', 'weight', 'activation', 'contribution', 'logit', 'probability'],
    ...candidates.map(({ text, logit, p }) => ['candidate', JSON.stringify(text), null, null, null, null, null, null, null, logit, p]),
    ...nodes.flatMap(({ node, readAt, activations }) =>
      activations.map((value, index) => ['node', node, null, index, tokens[index] ?? null, index === readAt, null, value, null, null, null])),
    ...edges.map((edge) => ['edge', edge.from, edge.to, null, null, null, edge.weight, edge.activation, edge.contribution, null, null]),
  ];
  return rows.map((cells) => `${cells.map((cell) => (typeof cell === 'string' && /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : String(cell ?? ''))).join(',')}\r\n`).join('');
}

/** What a file of a run opens: its state, as the hash of a link, and the numbers to compare with. */
export interface SavedRun {
  state: string;
  claim: Claim;
}

/** Reads the file of a run, which may come from anywhere. Throws an Error with a sentence for the user. */
export function readRunFile(json: string): SavedRun {
  const root = parsed(json);
  if (!isRecord(root) || root['format'] !== FORMAT) throw new Error(text.otherFormat);
  if (root['version'] !== VERSION) throw new Error(text.otherVersion(VERSION));
  const { state } = root;
  if (typeof state !== 'string' || state.length > MAX_STATE) throw new Error(text.noState);
  const candidates: unknown[] = Array.isArray(root['candidates']) ? root['candidates'] : [];
  const [first, second, more] = candidates.map((one) => (isRecord(one) ? one['p'] : null));
  if (!isShare(first) || !isShare(second) || more !== undefined) throw new Error(text.noProbabilities);
  // Rounding must not spoil the sum of two numbers that add up to 1.
  const whole = Math.abs(first + second - 1) < 1e-5;
  return { state, claim: (whole && claimOf([first, second])) || { p: [first, second] } };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Error(text.notJson);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isShare(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 1;
}
