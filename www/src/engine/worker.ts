/**
 * The worker of the engine. It downloads the files, holds the model in wasm memory and answers the page. The page's thread never waits.
 * Two wasm packages load after the first screen is live: the tokenizer, which contains a regex engine, and the engine on WebGPU.
 */
import { expose } from 'comlink';
import startEngine, { Session as WasmSession } from 'sparse-circuits-engine';
import engineUrl from '../../../pkg/engine/sparse_circuits_bg.wasm?url';
import tokenizerUrl from '../../../pkg/tokenizer/sparse_circuits_tokenizer_bg.wasm?url';
import webgpuUrl from '../../../pkg/engine-webgpu/sparse_circuits_webgpu_bg.wasm?url';
import { engine as engineText, files } from '../text/en';
import { Backends, type CpuSession, type GpuEngine, type GpuSession } from './backends';
import { download, Tally } from './download';
import { fetchFile } from './files';
import type { ManifestModel, ManifestTask } from './manifest';
import { Prompts, type Encoder } from './prompts';
import { explained, failAfterTrap } from './trap';
import type { Engine } from './api';
import type { FlipControl, FlipControlRequest, ModelInfo, Opened, OpenModel, Prompt, RunRequest, RunResult, TaskInfo } from './protocol';

/** The methods of `src/web/cpu.rs` with the types of the protocol. wasm-bindgen types them as `any`. */
interface Session extends CpuSession {
  setVocabulary(tokenizerJson: Uint8Array): void;
  modelInfo(): ModelInfo;
  flipControl(request: FlipControlRequest): FlipControl;
}
const Session: new (model: Uint8Array) => Session = WasmSession;

/** Size of the engine's wasm file in bytes. The build defines it. */
declare const __ENGINE_BYTES__: number;

interface Live {
  base: string;
  listed: ManifestModel;
  model: OpenModel;
  session: Session;
  backends: Backends;
  prompts: Prompts;
  tasks: Map<string, TaskInfo>;
  /** Files of circuits that are downloaded or on their way, by task. */
  files: Map<string, Promise<Uint8Array>>;
}

let live: Live | null = null;
/** Wasm packages that are started or on their way, by address. */
const packages = new Map<string, Promise<unknown>>();
const gpuEngine: GpuEngine = { started: false, trapped: false };

const engine: Engine = {
  async open(base, listed, name, onProgress, onBackend): Promise<Opened> {
    const tally = new Tally(onProgress);
    const task = find(listed, name);
    // Later models use the same wasm module.
    const first = live === null;
    for (const bytes of [first ? __ENGINE_BYTES__ : 0, listed.bytes, task.bytes, listed.tokenizerBytes]) tally.expect(bytes);
    const [wasm, weights, circuit, vocabulary] = await Promise.all([
      first ? download(address(engineUrl), __ENGINE_BYTES__, tally) : null,
      download(new URL(listed.file, base).href, listed.bytes, tally),
      download(new URL(task.circuit, base).href, task.bytes, tally),
      download(new URL(listed.tokenizer, base).href, listed.tokenizerBytes, tally),
    ]);
    if (wasm) {
      await startEngine({ module_or_path: wasm }).catch((error: unknown) => {
        throw new Error(engineText.noWasm(String(error)));
      });
    }
    const session = failAfterTrap(opened(listed.file, () => new Session(weights)));
    opened(listed.tokenizer, () => session.setVocabulary(vocabulary));
    const model = { ...session.modelInfo(), file: listed.file };
    const presets = listed.tasks.flatMap((one) => one.presets.flatMap((preset) => [preset.a, preset.b]));
    const prompts = new Prompts(presets, model.contextLength, () => tokenizer(listed.tokenizer, vocabulary));
    const backends = new Backends(session, () => webgpu(weights, vocabulary), onBackend, 'gpu' in navigator, gpuEngine);
    live?.backends.close();
    // A restarted worker begins on the CPU. The page may still show another backend.
    onBackend(backends.state);
    live = { base, listed, model, session, backends, prompts, tasks: new Map(), files: new Map([[task.name, Promise.resolve(circuit)]]) };
    const info = keep(live, task, circuit);
    return { model: { ...model, fingerprint: fingerprintOf(circuit) }, task: info, backend: backends.state };
  },

  async task(name): Promise<TaskInfo> {
    const here = alive();
    const known = here.tasks.get(name);
    if (known) return known;
    const task = find(here.listed, name);
    return keep(here, task, await circuitFile(here, task));
  },

  async run(request: RunRequest): Promise<RunResult> {
    const here = alive();
    const task = here.tasks.get(request.task) ?? (await engine.task(request.task));
    const a = await here.prompts.of(request.a);
    const ruling = await rule(here, task, request);
    const b = ruling.b === null ? null : await here.prompts.of(ruling.b);
    const token = request.token === null ? null : Math.min(request.token, a.tokens.length - 1);
    // Without prompt B there is nothing to flip or patch from: those edits rest until there is one.
    const edits = b ? request.edits : { ...request.edits, flip: false, patch: [] };
    const { view, backend } = await here.backends.run({ task: request.task, a: ids(a), b: b && ids(b), edits, target: request.target, token, head: request.head });
    // The first screen is live before the tokenizer, the heaviest file, and WebGPU take the connection.
    // The circuits are small, and with them the page needs no connection for any task.
    setTimeout(() => void fetchCircuits(here).then(() => here.prompts.warm()).then(() => here.backends.detect()), 1000);
    return { a, b, reason: ruling.reason, answer: ruling.answer, edits, view, backend };
  },

  async flipControl({ task, a, donors, mode }): Promise<[number, number][]> {
    const here = alive();
    if (!here.tasks.has(task)) await engine.task(task);
    const prompt = await here.prompts.of(a);
    const others = await Promise.all(donors.map((text) => here.prompts.of(text)));
    return here.session.flipControl({ task, a: ids(prompt), donors: others.map(ids), mode }).p;
  },

  async use(preference): Promise<void> {
    await alive().backends.use(preference);
  },
};

/** The file of a task's circuit. A failed download is tried again at the next call. */
function circuitFile(here: Live, task: ManifestTask): Promise<Uint8Array> {
  const known = here.files.get(task.name);
  if (known) return known;
  const file = download(new URL(task.circuit, here.base).href, task.bytes, null);
  here.files.set(task.name, file);
  file.catch(() => here.files.delete(task.name));
  return file;
}

/** Downloads the circuits of all tasks. A failure is reported when the user opens the task. */
async function fetchCircuits(here: Live): Promise<void> {
  await Promise.allSettled(here.listed.tasks.map((task) => circuitFile(here, task)));
}

/** Starts a wasm package once. After a failure, the next call tries again. */
function started(url: string, start: (from: { module_or_path: Promise<Response> }) => Promise<unknown>): Promise<unknown> {
  const known = packages.get(url);
  if (known) return known;
  const starting = start({ module_or_path: fetchFile(address(url)) });
  packages.set(url, starting);
  starting.catch(() => packages.delete(url));
  return starting;
}

/** Of a file of this build. */
function address(url: string): string {
  return new URL(url, self.location.href).href;
}

function ids(prompt: Prompt): number[] {
  return prompt.tokens.map((token) => token.id);
}

/** The counterfactual prompt, by the user or by the task's rule, or a sentence that says why there is none; and the right answer by the rule. */
async function rule(here: Live, task: TaskInfo, request: RunRequest): Promise<{ b: string | null; reason: string | null; answer: 0 | 1 | null }> {
  const preset = task.presets.find((one) => one.a.text === request.a);
  const { b, reason, answer } = preset ? { b: preset.b.text, reason: null, answer: preset.answer ?? null } : await here.prompts.rule(request.task, request.a);
  if (request.b === '') return { b: null, reason: engineText.noCounterfactual, answer };
  if (request.b !== null) return { b: request.b, reason: null, answer };
  return { b, reason: reason && engineText.noRule(reason), answer };
}

function keep(here: Live, listed: ManifestTask, circuit: Uint8Array): TaskInfo {
  const { circuit: file, bytes: _bytes, ...rest } = listed;
  const info = opened(file, () => here.backends.addCircuit(circuit));
  const task: TaskInfo = { ...rest, circuit: info };
  here.tasks.set(task.name, task);
  return task;
}

/** The fingerprint of the model in the file of a circuit. The engine has compared it with the weights. */
function fingerprintOf(circuit: Uint8Array): string {
  return (JSON.parse(new TextDecoder().decode(circuit)) as { model: string }).model;
}

/** Adds the file's name to Rust's error. */
function opened<T>(file: string, make: () => T): T {
  return explained(make, (cause) => files.unusable(file, cause));
}

async function tokenizer(file: string, json: Uint8Array): Promise<Encoder> {
  const { default: start, WebTokenizer } = await import('sparse-circuits-tokenizer').catch(lost);
  await started(tokenizerUrl, start).catch(lost);
  // wasm-bindgen types what the rules return as `any`.
  const encoder = opened(file, () => new WebTokenizer(json));
  const texts = new Map<number, string>();
  return {
    encode: (text) => encoder.encode(text),
    counterfactual: (task, text, context) => encoder.counterfactual(task, text, context),
    tokenText: (id) => {
      const text = texts.get(id) ?? encoder.tokenText(id);
      texts.set(id, text);
      return text;
    },
  };
}

/** Opens the engine on WebGPU (`src/web/webgpu.rs`). Its package is loaded only if there is an adapter. */
async function webgpu(weights: Uint8Array, vocabulary: Uint8Array): Promise<GpuSession | 'absent' | 'no adapter'> {
  if (!('gpu' in navigator)) return 'absent';
  if (!(await navigator.gpu.requestAdapter().catch(() => null))) return 'no adapter';
  const { default: start, WebGpuSession } = await import('sparse-circuits-engine-webgpu');
  await started(webgpuUrl, start);
  const session = await WebGpuSession.open(weights);
  session.setVocabulary(vocabulary);
  return session;
}

// A panic in a callback of the WebGPU engine belongs to no call. Without this handler the page would restart the worker.
for (const kind of ['error', 'unhandledrejection'] as const) {
  self.addEventListener(kind, (event) => {
    const error: unknown = event instanceof ErrorEvent ? event.error ?? event.message : (event as PromiseRejectionEvent).reason;
    if (live?.backends.panicked(error)) event.preventDefault();
  });
}

function lost(error: unknown): never {
  throw new Error(engineText.tokenizerLost(String(error)));
}

function find(listed: ManifestModel, name: string): ManifestTask {
  const task = listed.tasks.find((one) => one.name === name);
  if (!task) throw new Error(engineText.noTask(listed.file, name));
  return task;
}

function alive(): Live {
  if (!live) throw new Error(engineText.notLoaded);
  return live;
}

expose(engine);
