/** The page's end of the worker: every call of `Engine` goes there and comes back as a promise. */
import { proxy, wrap } from 'comlink';
import type { Engine } from './api';

export function connect(): Engine {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
  const remote = wrap<Engine>(worker);
  // A worker that does not start or dies answers nothing; every call then fails with this.
  const died = new Promise<never>((_, reject) => {
    const fail = (event: Event) => {
      const why = event instanceof ErrorEvent && event.message ? ` (${event.message})` : '';
      reject(new Error(`The engine stopped${why}. Load the page again; if it happens again, this browser may lack WebAssembly SIMD.`));
    };
    worker.addEventListener('error', fail);
    worker.addEventListener('messageerror', fail);
  });
  died.catch(() => {});
  const alive = <T>(answer: Promise<T>): Promise<T> => Promise.race([answer, died]);
  return {
    open: (base, listed, task, onProgress, onBackend) => alive(remote.open(base, listed, task, proxy(onProgress), proxy(onBackend))),
    task: (name) => alive(remote.task(name)),
    run: (request) => alive(remote.run(request)),
    use: (preference) => alive(remote.use(preference)),
  };
}
