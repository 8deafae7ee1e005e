/**
 * `models/manifest.json` lists the files to load, and what the screen shows of each task before the engine runs.
 * It is checked at run time: the file may come from another build or another server.
 *
 * ```json
 * { "version": 1,
 *   "poster": "poster.json",
 *   "models": [
 *     { "file": "default.safetensors", "default": true, "bytes": 412345,
 *       "tokenizer": "tokenizer.json", "tokenizerBytes": 51234,
 *       "twin": { "dense": "dense.safetensors", "denseBytes": 1712345, "bridge": "bridge.safetensors", "bridgeBytes": 465432 },
 *       "tasks": [
 *         { "name": "single_double_quote", "title": "Close the quote", "sentence": "This model closes a quote.",
 *           "explanation": "...", "flipLabel": "Flip the quote",
 *           "candidates": ["')", "\")"], "candidateIds": [401, 388],
 *           "circuit": "circuits/single_double_quote.json", "bytes": 4321, "start": "2.attn.act_in.7", "inactive": [],
 *           "presets": [ { "a": { "text": "print('hi", "tokens": [ { "id": 5, "text": "print" } ], "cut": 0 }, "b": { }, "answer": 0 } ] } ] } ] }
 * ```
 *
 * A preset's `answer` is the index of the candidate that is right after `a`. `"fails": true` marks the one after which the circuit alone is wrong.
 * File names are relative to `models/`. `bytes` is the size of the file itself. The optional `poster` names a file with a `Placeholder`. The
 * optional `twin` is a dense model with the bridge to this model.
 */
import { manifest as texts } from '../text/en';
import { MAX_FILE_BYTES } from './download';
import type { CircuitInfo, OpenModel, Prompt, Reference, TaskInfo, View } from './protocol';

export interface ManifestTask extends Omit<TaskInfo, 'circuit'> {
  circuit: string;
  bytes: number;
}

export interface ManifestModel {
  file: string;
  default: boolean;
  bytes: number;
  tokenizer: string;
  tokenizerBytes: number;
  twin?: ManifestTwin;
  tasks: ManifestTask[];
}

/** Loaded when the user opens the dense twin. */
export interface ManifestTwin {
  dense: string;
  denseBytes: number;
  bridge: string;
  bridgeBytes: number;
}

export interface Manifest {
  version: 1;
  poster: string | null;
  models: ManifestModel[];
}

/**
 * The first screen with precomputed numbers: first task, first preset, full model, no edits. The file has arrays of numbers where
 * `View` has typed arrays.
 */
export interface Placeholder {
  task: string;
  model: OpenModel;
  circuit: CircuitInfo;
  /** Its detail is that of the task's first node. */
  view: View;
}

/** The files of one model, its tokenizer, its circuits and its twin have at most this many bytes together. */
const MAX_MODEL_BYTES = 2 * MAX_FILE_BYTES - 1;
/** Token ids have 32 bits. */
const MAX_TOKEN_ID = 2 ** 32 - 1;
/** The limit of each size of a model in the poster. */
const MAX_MODEL_SIZE = 2 ** 31 - 1;

type Json = unknown;

/** Checks a parsed manifest. Throws an Error that names the wrong value. */
export function readManifest(json: Json): Manifest {
  const root = object(json, 'the manifest');
  if (root['version'] !== 1) {
    throw new Error(texts.version(JSON.stringify(root['version']) ?? 'none'));
  }
  const models = array(root['models'], 'models').map((model, index) => readModel(model, `models[${index}]`));
  if (models.length === 0) throw new Error(texts.noModel);
  return { version: 1, poster: root['poster'] === undefined || root['poster'] === null ? null : file(root['poster'], 'poster'), models };
}

/** The model that opens first: the one marked as default, or the first one. */
export function defaultModel(manifest: Manifest): ManifestModel {
  return manifest.models.find((model) => model.default) ?? manifest.models[0]!;
}

/** Checks a poster and converts its arrays to those of a `View`. */
export function readPlaceholder(json: Json): Placeholder {
  const root = object(json, 'the poster');
  const view = object(root['view'], 'view');
  const circuit = readCircuitInfo(root['circuit']);
  const tokens = size(view['tokens'], 'view.tokens');
  const table = (key: string, rows: number) => floats(view[key], `view.${key}`, rows * tokens);
  const heads = array(view['heads'], 'view.heads');
  const token = (json: Json, where: string) => integer(json, where, 0, tokens - 1);
  const ofNodes = <T>(key: string, read: (json: Json, where: string) => T) => list(view[key], `view.${key}`, circuit.nodes.length, read);
  const detail = view['detail'] === null || view['detail'] === undefined ? null : object(view['detail'], 'view.detail');
  return {
    task: text(root['task'], 'task'),
    model: readModelInfo(root['model']),
    circuit,
    view: {
      ...(view as unknown as View),
      p: pair(view['p'], 'view.p'),
      logits: pair(view['logits'], 'view.logits'),
      score: number(view['score'], 'view.score'),
      full: readReference(view['full'], 'view.full', circuit.nodes.length),
      untouched: null,
      baseline: null,
      pattern: null,
      pFull: pair(view['pFull'], 'view.pFull'),
      tokens,
      marked: token(view['marked'], 'view.marked'),
      readAt: ofNodes('readAt', token),
      passedOn: ofNodes('passedOn', (json, where) => (json === null ? null : number(json, where))),
      activations: table('activations', circuit.nodes.length),
      embedding: table('embedding', circuit.lanes.length),
      attention: table('attention', heads.length),
      detail: detail && readDetail(detail, tokens),
    },
  };
}

function readReference(json: Json, where: string, nodes: number): Reference {
  const root = object(json, where);
  return { p: pair(root['p'], `${where}.p`), values: list(root['values'], `${where}.values`, nodes, number) };
}

function list<T>(value: Json, where: string, length: number, read: (json: Json, where: string) => T): T[] {
  const items = array(value, where);
  if (items.length !== length) throw wrong(where, texts.wanted.numbers(length));
  return items.map((item) => read(item, where));
}

function floats(value: Json, where: string, length: number): Float32Array {
  return Float32Array.from(list(value, where, length, number));
}

function readDetail(detail: Record<string, Json>, tokens: number): View['detail'] {
  const attention = detail['attention'] ? object(detail['attention'], 'detail.attention') : null;
  return {
    ...(detail as unknown as NonNullable<View['detail']>),
    values: floats(detail['values'], 'detail.values', tokens),
    attention: attention && {
      head: number(attention['head'], 'head'),
      sink: number(attention['sink'], 'sink'),
      weights: floats(attention['weights'], 'weights', tokens),
      channelScore: attention['channelScore'] ? floats(attention['channelScore'], 'channelScore', tokens) : null,
    },
  };
}

function readModelInfo(json: Json): OpenModel {
  const root = object(json, 'model');
  for (const key of ['layers', 'width', 'nonzeros', 'contextLength', 'vocabSize', 'attnWidth', 'headWidth', 'mlpWidth']) {
    integer(root[key], `model.${key}`, 0, MAX_MODEL_SIZE);
  }
  return root as unknown as OpenModel;
}

function readCircuitInfo(json: Json): CircuitInfo {
  const root = object(json, 'circuit');
  for (const key of ['nodes', 'edges', 'lanes', 'flipNodes']) array(root[key], `circuit.${key}`);
  for (const key of ['scale', 'shift', 'std']) number(root[key], `circuit.${key}`);
  if (root['handwritten'] !== null) {
    const handwritten = object(root['handwritten'], 'circuit.handwritten');
    for (const key of ['full', 'circuit']) number(handwritten[key], `circuit.handwritten.${key}`);
  }
  return root as unknown as CircuitInfo;
}

function readModel(json: Json, where: string): ManifestModel {
  const root = object(json, where);
  const tasks = array(root['tasks'], `${where}.tasks`).map((task, index) => readTask(task, `${where}.tasks[${index}]`));
  if (tasks.length === 0) throw wrong(`${where}.tasks`, texts.wanted.task);
  const model: ManifestModel = {
    file: file(root['file'], `${where}.file`),
    default: root['default'] === true,
    bytes: size(root['bytes'], `${where}.bytes`),
    tokenizer: file(root['tokenizer'], `${where}.tokenizer`),
    tokenizerBytes: size(root['tokenizerBytes'], `${where}.tokenizerBytes`),
    ...(root['twin'] === undefined || root['twin'] === null ? {} : { twin: readTwin(root['twin'], `${where}.twin`) }),
    tasks,
  };
  const { bytes, tokenizerBytes, twin } = model;
  const total = [bytes, tokenizerBytes, twin?.denseBytes ?? 0, twin?.bridgeBytes ?? 0, ...tasks.map((task) => task.bytes)].reduce((sum, one) => sum + one, 0);
  if (total > MAX_MODEL_BYTES) throw wrong(where, texts.wanted.total(MAX_MODEL_BYTES));
  return model;
}

function readTwin(json: Json, where: string): ManifestTwin {
  const root = object(json, where);
  return {
    dense: file(root['dense'], `${where}.dense`),
    denseBytes: size(root['denseBytes'], `${where}.denseBytes`),
    bridge: file(root['bridge'], `${where}.bridge`),
    bridgeBytes: size(root['bridgeBytes'], `${where}.bridgeBytes`),
  };
}

function readTask(json: Json, where: string): ManifestTask {
  const root = object(json, where);
  const presets = array(root['presets'], `${where}.presets`).map((item, index) => {
    const preset = object(item, `${where}.presets[${index}]`);
    const answer = preset['answer'];
    if (answer !== undefined && answer !== null && answer !== 0 && answer !== 1) throw wrong(`${where}.presets[${index}].answer`, texts.wanted.integer(0, 1));
    return {
      a: readPrompt(preset['a'], `${where}.presets[${index}].a`),
      b: readPrompt(preset['b'], `${where}.presets[${index}].b`),
      ...(answer === 0 || answer === 1 ? { answer: answer as 0 | 1 } : {}),
      ...(preset['fails'] === true ? { fails: true } : {}),
    };
  });
  if (presets.length === 0) throw wrong(`${where}.presets`, texts.wanted.preset);
  const candidates = array(root['candidates'], `${where}.candidates`).map((item) => text(item, `${where}.candidates`));
  if (candidates.length !== 2) throw wrong(`${where}.candidates`, texts.wanted.texts);
  return {
    name: text(root['name'], `${where}.name`),
    title: text(root['title'], `${where}.title`),
    sentence: text(root['sentence'], `${where}.sentence`),
    explanation: text(root['explanation'], `${where}.explanation`),
    flipLabel: text(root['flipLabel'], `${where}.flipLabel`),
    candidates: [candidates[0]!, candidates[1]!],
    candidateIds: tokenPair(root['candidateIds'], `${where}.candidateIds`),
    presets,
    start: root['start'] === null ? null : text(root['start'], `${where}.start`),
    inactive: array(root['inactive'] ?? [], `${where}.inactive`).map((item) => text(item, `${where}.inactive`)),
    circuit: file(root['circuit'], `${where}.circuit`),
    bytes: size(root['bytes'], `${where}.bytes`),
  };
}

function readPrompt(json: Json, where: string): Prompt {
  const root = object(json, where);
  const tokens = array(root['tokens'], `${where}.tokens`).map((item) => {
    const token = object(item, `${where}.tokens`);
    return { id: integer(token['id'], `${where}.tokens.id`, 0, MAX_TOKEN_ID), text: text(token['text'], `${where}.tokens.text`) };
  });
  if (tokens.length === 0) throw wrong(`${where}.tokens`, texts.wanted.token);
  return { text: text(root['text'], `${where}.text`), tokens, cut: integer(root['cut'], `${where}.cut`, 0, Number.MAX_SAFE_INTEGER) };
}

function wrong(where: string, wanted: string): Error {
  return new Error(texts.wrong(where, wanted));
}

function object(json: Json, where: string): Record<string, Json> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(where, texts.wanted.object);
  return json as Record<string, Json>;
}

function array(json: Json, where: string): Json[] {
  if (!Array.isArray(json)) throw wrong(where, texts.wanted.list);
  return json;
}

function text(json: Json, where: string): string {
  if (typeof json !== 'string') throw wrong(where, texts.wanted.text);
  return json;
}

function number(json: Json, where: string): number {
  if (typeof json !== 'number' || !Number.isFinite(json)) throw wrong(where, texts.wanted.number);
  return json;
}

function integer(json: Json, where: string, min: number, max: number): number {
  const value = number(json, where);
  if (!Number.isSafeInteger(value) || value < min || value > max) throw wrong(where, texts.wanted.integer(min, max));
  return value;
}

/** Bytes of a file. */
function size(json: Json, where: string): number {
  return integer(json, where, 1, MAX_FILE_BYTES);
}

function tokenPair(json: Json, where: string): [number, number] {
  const [first, second] = pair(json, where);
  return [integer(first, where, 0, MAX_TOKEN_ID), integer(second, where, 0, MAX_TOKEN_ID)];
}

function pair(json: Json, where: string): [number, number] {
  const values = array(json, where).map((item) => number(item, where));
  if (values.length !== 2) throw wrong(where, texts.wanted.pair);
  return [values[0]!, values[1]!];
}

/** A file name relative to models/. It has no scheme and cannot leave the folder. */
function file(json: Json, where: string): string {
  const name = text(json, where);
  if (!/^[\w][\w.-]*(\/[\w][\w.-]*)*$/.test(name)) throw wrong(where, texts.wanted.file);
  return name;
}
