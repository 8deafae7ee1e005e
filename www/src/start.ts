/** The playground of a browser's page: the engine in its worker, the files of the models, and the frames of the screen. */
import { connectEngine } from './engine/client';
import { fetchFile } from './engine/files';
import { Playground, type Deps } from './state/playground';
import * as text from './text/en';

/** What differs between the pages. */
export type Place = Pick<Deps, 'hash' | 'setHash' | 'roomForPanel'>;

export function createPlayground(place: Place): Playground {
  const engine = connectEngine({ describe: text.engine.failure, onRestart: (cause) => playground.engineRestarted(cause) });
  const playground: Playground = new Playground({
    ...place,
    engine: engine.calls,
    models: new URL(`${import.meta.env.BASE_URL}models/`, document.baseURI).href,
    fetchJson: async (url) => {
      const response = await fetchFile(url).catch(() => null);
      if (!response?.ok) {
        throw new Error(text.files.lost(url, response?.status ?? null));
      }
      return response.json().catch(() => {
        throw new Error(text.files.notJson(url));
      });
    },
    now: () => performance.now(),
    nextFrame,
    nextPaint: async () => {
      await nextFrame();
      // A message comes after the frame's painting.
      await new Promise((done) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = done;
        port2.postMessage(null);
      });
    },
  });
  return playground;
}

function nextFrame(): Promise<void> {
  return new Promise((done) => {
    requestAnimationFrame(() => done());
    // A page that nobody sees has no frames.
    setTimeout(done, document.hidden ? 0 : 250);
  });
}
