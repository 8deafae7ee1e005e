/** What is odd about a link or a prompt. The page works with it and says so. */
export type Notice =
  | { kind: 'link-long' }
  | { kind: 'link-version' | 'link-task' | 'link-mode' | 'link-flip' | 'link-node' | 'link-token' | 'link-backend' | 'link-twin' | 'link-steer' | 'link-channel'; value: string }
  /** A prompt was longer than a link may hold. */
  | { kind: 'link-cut'; prompt: 'a' | 'b'; characters: number }
  /** The value of a key is not percent-encoded. */
  | { kind: 'link-encoding'; key: string }
  /** A list names nodes that do not exist or are not written as they should be: the first one, and how many more. `limit` for lists with numbers. */
  | { kind: 'link-nodes'; key: string; value: string; more: number; limit: number | null }
  | { kind: 'twin-lost'; error: string }
  | { kind: 'prompt-empty' }
  /** So many tokens on the left do not fit into the context. */
  | { kind: 'prompt-cut'; tokens: number; context: number | null }
  | { kind: 'prompt-b-cut'; tokens: number }
  | { kind: 'prompt-not-ascii' }
  /** Flip or a patch has no prompt B. */
  | { kind: 'flip-rests'; reason: string | null };
