/**
 * The data that the page and the workers exchange. All of it survives structured cloning. `api.ts` has the calls.
 * The Rust side of these shapes is `src/circuit/inspect.rs`; names are the same there.
 */

/** A node is written HOOK.INDEX, e.g. `0.mlp.post_act.863`. */
export type NodeId = string;
export type Mode = 'full' | 'circuit' | 'removed';

/** Everything a person can change about a run (Rust: `circuit::Edits`). */
export interface Edits {
  mode: Mode;
  off: NodeId[];
  set: Record<NodeId, number>;
  scale: Record<NodeId, number>;
  patch: NodeId[];
  flip: boolean;
}

/** A token of a prompt. `text` may hold a replacement character when the token is part of a multi-byte character. */
export interface Token {
  id: number;
  text: string;
}

/** A prompt ready to run. `cut` tokens were dropped on the left because the prompt was longer than the context. */
export interface Prompt {
  text: string;
  tokens: Token[];
  cut: number;
}

export interface NodeInfo {
  node: NodeId;
  layer: number;
  /** `attn.act_in`, `attn.q`, `attn.k`, `attn.v`, `attn.resid_delta`, `mlp.act_in`, `mlp.post_act`, `mlp.resid_delta` */
  site: string;
  index: number;
  /** Of a q, k or v node. */
  head?: number;
  channel?: number;
  /** A plain name ("quote detector") where the circuit file has one. */
  label?: string;
  mean: number;
}

/** A nonzero weight between two nodes of the circuit. */
export interface Edge {
  from: NodeId;
  to: NodeId;
  weight: number;
}

/**
 * A residual channel that the circuit uses: who writes it and who reads it. `writes` and `reads` in the order of the forward pass;
 * `toLogits` are the unembedding weights of the two candidates at this channel.
 */
export interface ResidualLane {
  channel: number;
  writes: NodeId[];
  reads: NodeId[];
  toLogits: [number, number];
}

export interface CircuitInfo {
  nodes: NodeInfo[];
  edges: Edge[];
  lanes: ResidualLane[];
  flipNodes: NodeId[];
  /** Share of test pairs that reverse, 0..1. Measured numbers are null in a circuit that has not been evaluated. */
  flipRate: { circuit: number | null; full: number | null };
  /** Logit calibration: p = sigmoid(scale * d + shift), d = standardised logit difference of the two candidates. */
  scale: number;
  shift: number;
  /** On test pairs. */
  loss: number | null;
  accuracy: number | null;
  unprunedLoss: number | null;
  unprunedAccuracy: number | null;
  removedAccuracy: number | null;
}

export interface TaskInfo {
  name: string;
  /** Menu text, "Close the quote". */
  title: string;
  /** First-screen sentence, "This model closes a quote." */
  sentence: string;
  /** Some sentences for students. */
  explanation: string;
  /** Button text, "Flip the quote type". */
  flipLabel: string;
  candidates: [string, string];
  candidateIds: [number, number];
  /** Prompts with their counterfactuals, tokenized beforehand so that the first screen needs no tokenizer. */
  presets: { a: Prompt; b: Prompt }[];
  /** The node that tells most about the difference between the first preset's two prompts; its panel opens first. */
  start: NodeId | null;
  circuit: CircuitInfo;
  /** Nodes inactive on both prompts of the first preset, flip nodes excepted: the graph folds them. See `domain/inactive.ts`. */
  inactive: NodeId[];
}

export interface ModelInfo {
  file: string;
  /** "2 layers, 256 channels, 82,100 weights" in numbers. */
  layers: number;
  width: number;
  nonzeros: number;
  contextLength: number;
  vocabSize: number;
  /** Channels at `attn.q`, `.k`, `.v` (heads x head width), of one head, and at `mlp.post_act`: bounds of a node's index. */
  attnWidth: number;
  headWidth: number;
  mlpWidth: number;
  tasks: { name: string; title: string }[];
}

export interface ViewRequest {
  task: string;
  a: Prompt;
  /** The counterfactual; null where the task's rule finds nothing to swap. */
  b: Prompt | null;
  edits: Edits;
  /** The node whose details are wanted, or null. */
  node: NodeId | null;
  /** The token (index into a.tokens) at which node details are read; null = the last one. */
  token: number | null;
}

/** The result of a run: everything the screen shows. */
export interface View {
  /** Softmax over the two candidates; in circuit mode with the circuit's scale and shift. */
  p: [number, number];
  /** Raw logits of the two candidates. */
  logits: [number, number];
  /** Five likeliest tokens of the whole vocabulary, from the raw logits. */
  top: { id: number; text: string; p: number }[];
  /** p of the whole vocabulary for the two candidates. */
  pFull: [number, number];
  /** For each circuit node (order of CircuitInfo.nodes): its value at each token of a, after edits. */
  activations: Float32Array[];
  /** For each lane (order of CircuitInfo.lanes): what the embedding writes to this channel at each token of a. */
  embedding: Float32Array[];
  /** For each head that a circuit q, k or v node belongs to: attention from the last token, one number a token of a. */
  attention: { layer: number; head: number; weights: Float32Array; sink: number }[];
  /** Details of the node asked for. */
  detail: NodeDetail | null;
  /** Time of the forward pass in milliseconds, measured by the worker. */
  ms: number;
}

/** One term of a sum. */
export interface Term {
  /** A node, or null for a bundle of others (`label` says which). */
  node: NodeId | null;
  label: string;
  weight: number;
  activation: number;
  contribution: number;
}

/** What goes into a node and what it gives on, at one token. Parts sum to the whole. */
export interface NodeDetail {
  node: NodeId;
  token: number;
  value: number;
  /** Null where the model's file has no mean for this hook. */
  mean: number | null;
  /** Its value at each token of a, after edits (also of a node outside the circuit). */
  values: Float32Array;
  /** Value before edits at this node, for "held at its mean, +0.12". */
  computed: number;
  /** Terms with |contribution| above zero from circuit nodes first, then the ten largest of the rest, then one bundle of the others. */
  incoming: Term[];
  bias: number;
  /** incoming + bias. */
  sum: number;
  /** How `sum` becomes `computed`: the activation or norm or selection in words, e.g. "after ReLU", "not among the largest 64: 0". */
  step: string;
  outgoing: Term[];
  /** For a q, k or v node: attention from the last token over the prompt, and this channel's q*k/sqrt(d_head) per token (q and k nodes). */
  attention: { head: number; weights: Float32Array; sink: number; channelScore: Float32Array | null } | null;
}

/** One step of loading: bytes so far and in all (both counted on the files as served). */
export interface Progress {
  loaded: number;
  total: number;
}

export type BackendName = 'cpu' | 'webgpu';

/** Why a backend runs: nothing is known yet; the user's word; times of a pass in milliseconds; why WebGPU cannot run. */
export type BackendReason =
  | { kind: 'first' }
  | { kind: 'chosen' }
  /** `software`: WebGPU's adapter computes on the CPU. */
  | { kind: 'measured'; cpu: number; webgpu: number; software: boolean }
  /** The browser has no `navigator.gpu`; it has, and finds no adapter. */
  | { kind: 'absent' }
  | { kind: 'no adapter' }
  /** It was there, or nearly, and failed. */
  | { kind: 'failed'; error: string };

/** What runs the model. */
export interface BackendState {
  name: BackendName;
  reason: BackendReason;
  /** What the user can switch to; null where that is known to be nothing, or not known yet. */
  other: BackendName | null;
}

/** What the page asks for: texts as typed, everything else as in ViewRequest. */
export interface RunRequest {
  task: string;
  a: string;
  /** The counterfactual as the user wrote it, or null: by the task's rule. */
  b: string | null;
  edits: Edits;
  node: NodeId | null;
  /** Null: the token at which the node matters, see `domain/alignment.ts`. */
  token: number | null;
}

/** What the screen shows for one `RunRequest`. */
export interface RunResult {
  a: Prompt;
  /** The counterfactual that Flip and Patch read, or null. */
  b: Prompt | null;
  /** Where b is null: a sentence saying why. */
  reason: string | null;
  /** What was changed in this run: those asked for, but for Flip and patches where there is no prompt B. */
  edits: Edits;
  view: View;
  /** What the view was computed on. */
  backend: BackendName;
}

export interface Opened {
  model: ModelInfo;
  task: TaskInfo;
  backend: BackendState;
}

/** What is asked of the dense twin, see `src/bridge/view.rs`. */
export interface TwinRequest {
  a: number[];
  b: number[] | null;
  /** The channel to steer by. */
  node: NodeId;
  strengths: number[];
  /** Other channels to try at full strength. */
  others: NodeId[];
  /** How many random directions of equal norm to try at full strength. */
  random: number;
  candidates: [number, number];
}

/** Softmaxes over the two candidates. Without a counterfactual there is only `before`. */
export interface TwinView {
  before: [number, number];
  /** By strength. */
  curve: [number, number][];
  random: [number, number][];
  others: { node: NodeId; p: [number, number] }[];
}

/** Softmaxes over the two candidates: of both models, and of passes that begin in one and end in the other, by switch point. */
export interface HybridView {
  sparse: [number, number];
  dense: [number, number];
  sparseToDense: [number, number][];
  denseToSparse: [number, number][];
}

/** Why a call to a worker has no answer. */
export type FailureKind =
  /** The worker failed before it was set up: its script did not load, or the browser cannot run it. */
  | 'not started'
  /** The worker failed twice at this call. The next call starts a new worker. */
  | 'failed'
  /** The worker failed too often. No call is answered any more. */
  | 'stopped';
