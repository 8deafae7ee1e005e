/**
 * The data that the page and the workers exchange. All of it survives structured cloning. `api.ts` has the calls.
 * The types of the engine are generated from its Rust structs, see `protocol.gen.ts`.
 */
import type { CircuitInfo, Edits, Mode, ModelInfo, NodeId, Target, View } from './protocol.gen';

export * from './protocol.gen';

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

export interface TaskInfo {
  name: string;
  /** Menu text, "Close the quote". */
  title: string;
  /** First-screen sentence, "This model closes a quote." */
  sentence: string;
  /** Some sentences for students. */
  explanation: string;
  /** Button text, "Flip the quote". */
  flipLabel: string;
  candidates: [string, string];
  candidateIds: [number, number];
  /** Prompts with their counterfactuals, tokenized beforehand so that the first screen needs no tokenizer. */
  presets: { a: Prompt; b: Prompt; answer?: 0 | 1; fails?: boolean }[];
  /** The node that tells most about the difference between the first preset's two prompts; its panel opens first. */
  start: NodeId | null;
  circuit: CircuitInfo;
  /** Nodes that stay near zero on both prompts of the first preset: the graph folds them. */
  inactive: NodeId[];
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
  /** The node or logit whose details are wanted. */
  target: Target | null;
  /** Layer and head of the attention pattern that is wanted. */
  head: [number, number] | null;
  /** The token at which everything is read; null: each node at the token where it matters. */
  token: number | null;
}

/** What the page asks for the control of a flip: texts as typed. The flip nodes take their values from each donor. */
export interface FlipControlAsked {
  task: string;
  a: string;
  donors: string[];
  mode: Mode;
}

/** What the screen shows for one `RunRequest`. */
export interface RunResult {
  a: Prompt;
  /** The counterfactual that Flip and Patch read, or null. */
  b: Prompt | null;
  /** Where b is null: a sentence saying why. */
  reason: string | null;
  /** The candidate that is right after prompt A, by the task's rule; null where the rule cannot tell. */
  answer: 0 | 1 | null;
  /** What was changed in this run: those asked for, but for Flip and patches where there is no prompt B. */
  edits: Edits;
  view: View;
  /** What the view was computed on. */
  backend: BackendName;
}

/** The model that is open, by its file in the models folder. */
export interface OpenModel extends ModelInfo {
  file: string;
  /** Of the weights, as circuit files have it. The poster has none. */
  fingerprint?: string;
}

export interface Opened {
  model: OpenModel;
  task: TaskInfo;
  backend: BackendState;
}

/** Why a call to a worker has no answer. */
export type FailureKind =
  /** The worker failed before it was set up: its script did not load, or the browser cannot run it. */
  | 'not started'
  /** The worker failed twice at this call. The next call starts a new worker. */
  | 'failed'
  /** The worker failed too often. No call is answered any more. */
  | 'stopped';
