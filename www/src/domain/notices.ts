/** Problems of a link or a prompt. The page continues and shows a notice. */
export type Notice =
  | { kind: 'link-long' }
  | { kind: 'link-version' | 'link-task' | 'link-mode' | 'link-node' | 'link-token' | 'link-backend' | 'link-steer' | 'link-channel' | 'link-switch' | 'link-claim' | 'link-tour'; value: string }
  /** A value that is neither 0 nor 1. */
  | { kind: 'link-flag'; key: string; value: string }
  /** A prompt was longer than a link may hold. */
  | { kind: 'link-cut'; prompt: 'a' | 'b'; characters: number }
  /** The value of a key is not percent-encoded. */
  | { kind: 'link-encoding'; key: string }
  /** A list has nodes that do not exist or are badly written. `value` is the first, `more` the number of others. Lists with numbers have a `limit`. */
  | { kind: 'link-nodes'; key: string; value: string; more: number; limit: number | null }
  /** The same of a list of edges. */
  | { kind: 'link-edges'; key: string; value: string; more: number }
  | { kind: 'twin-lost'; error: string }
  /** A link opens the twin, and this page has none. */
  | { kind: 'twin-missing' }
  /** A link opens the twin for a task that it does not do. */
  | { kind: 'twin-task'; task: string }
  /** The circuit of a task cannot be loaded. */
  | { kind: 'task-lost'; task: string; error: string }
  /** A file cannot be opened. */
  | { kind: 'file'; sentence: string }
  | { kind: 'prompt-empty' }
  /** The first `tokens` tokens were cut, because the prompt is longer than the context. */
  | { kind: 'prompt-cut'; tokens: number; context: number | null }
  | { kind: 'prompt-b-cut'; tokens: number }
  /** `part`: the name of a token that is a part of a character; null if there is none. */
  | { kind: 'prompt-not-ascii'; part: string | null }
  /** Flip or Patch has no prompt B. */
  | { kind: 'flip-unavailable'; reason: string | null };
