/** The native command, which must print the same numbers as the page. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export const root = join(__dirname, '..', '..');

/** What `sparse-circuits` prints as JSON; `cargo xtask test` builds the command and passes its path. */
export function native(...words: string[]): unknown {
  const program = process.env.SPARSE_CIRCUITS ?? join(root, 'target', 'debug', 'sparse-circuits');
  return JSON.parse(execFileSync(program, words, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 }));
}
