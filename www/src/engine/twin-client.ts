/** The page's end of the twin's worker. */
import { proxy, wrap } from 'comlink';
import type { TwinEngine } from './api';

export function connectTwin(): TwinEngine & { close(): void } {
  const worker = new Worker(new URL('./twin.ts', import.meta.url), { type: 'module', name: 'twin' });
  const remote = wrap<TwinEngine>(worker);
  // A worker that does not start or dies answers nothing; every call then fails with this.
  const died = new Promise<never>((_, reject) => {
    const fail = (event: Event) => {
      const why = event instanceof ErrorEvent && event.message ? ` (${event.message})` : '';
      reject(new Error(`The dense twin stopped${why}. Shut it and open it again.`));
    };
    worker.addEventListener('error', fail);
    worker.addEventListener('messageerror', fail);
  });
  died.catch(() => {});
  const alive = <T>(answer: Promise<T>): Promise<T> => Promise.race([answer, died]);
  return {
    open: (base, listed, onProgress) => alive(remote.open(base, listed, proxy(onProgress))),
    steer: (ask) => alive(remote.steer(ask)),
    hybrid: (tokens, candidates) => alive(remote.hybrid(tokens, candidates)),
    close: () => worker.terminate(),
  };
}
