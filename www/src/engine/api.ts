/** The calls that the page makes to its two workers, through Comlink. Every method rejects with an Error whose message is for the user. */
import type { ManifestModel } from './manifest';
import type { BackendName, BackendState, FlipControlAsked, HybridView, NodeId, Opened, Progress, RunRequest, RunResult, TaskInfo, TwinRequest, TwinView } from './protocol';

/** Runs the sparse model. */
export interface Engine {
  /**
   * Loads a model and the circuit of `task` on the CPU, and replaces the model before it. `base` is the address of the models folder.
   * About a second after the first `run` the faster backend takes over, unless `use` has named one. `onBackend` gets each change.
   */
  open(base: string, listed: ManifestModel, task: string, onProgress: (progress: Progress) => void, onBackend: (state: BackendState) => void): Promise<Opened>;
  /** The circuit of a task and what the screen needs for it. Loads the circuit's file the first time. */
  task(name: string): Promise<TaskInfo>;
  /** Tokenizes both prompts, finds the counterfactual prompt and runs the model. Presets are tokenized already; other texts wait for the tokenizer. */
  run(request: RunRequest): Promise<RunResult>;
  /** Flips prompt A with each donor instead of prompt B, on the CPU. Returns the candidates' probabilities for each donor. */
  flipControl(asked: FlipControlAsked): Promise<[number, number][]>;
  /** Selects the backend; null selects the faster one. Resolves when it is in use, or when `onBackend` got the reason why it is not. */
  use(preference: BackendName | null): Promise<void>;
}

/** Runs the dense twin. It has its own worker, so that the first screen does not wait for it. */
export interface TwinEngine {
  /** Loads both models and the bridge. Returns the steering channel that the bridge names, by task. */
  open(base: string, listed: ManifestModel, onProgress: (progress: Progress) => void): Promise<Record<string, NodeId>>;
  steer(request: TwinRequest): Promise<TwinView>;
  hybrid(tokens: number[], candidates: [number, number]): Promise<HybridView>;
}
