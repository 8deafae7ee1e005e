import './features/page/main.css';
import './features/page/page';
import type { Page } from './features/page/page';
import { restoreTheme } from './features/common/theme';
import { followTranslators } from './features/common/translators';
import * as text from './text/en';
import { addressBar } from './state/address-bar';
import { Playground } from './state/playground';
import { connectEngine } from './engine/client';

restoreTheme();
followTranslators();

const address = addressBar();
const engine = connectEngine({ describe: text.engine.failure, onRestart: (cause) => playground.engineRestarted(cause) });
const playground: Playground = new Playground({
  engine: engine.calls,
  models: new URL('models/', document.baseURI).href,
  fetchJson: async (url) => {
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) {
      throw new Error(text.files.lost(url, response?.status ?? null));
    }
    return response.json().catch(() => {
      throw new Error(text.files.notJson(url));
    });
  },
  hash: () => location.hash,
  setHash: (hash, entry) => address.write(hash, entry),
  now: () => performance.now(),
  nextPaint: () => new Promise((done) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done();
      port2.postMessage(null);
    });
    // A page that nobody sees has no frames.
    setTimeout(done, document.hidden ? 0 : 250);
  }),
  roomForPanel: () => innerWidth > 760,
});

const page = document.createElement('sc-page') as Page;
page.playground = playground;
document.getElementById('page')!.replaceChildren(page);
void playground.start();
