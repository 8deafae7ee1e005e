import './features/page/main.css';
import './features/embed/embed.css';
import './features/embed/embed-page';
import type { Embed } from './features/embed/embed-page';
import { Host } from './features/embed/host';
import { embedOptions } from './features/embed/options';
import { followTranslators } from './features/common/translators';
import { createPlayground } from './start';

followTranslators();

/** Kept here and not in the address bar: a frame must not add to the history of the page around it. */
let hash = location.hash;
const embed = document.createElement('sc-embed') as Embed;
const playground = createPlayground({
  hash: () => hash,
  setHash: (next) => (hash = next),
  // An embed has no panel.
  roomForPanel: () => false,
});

const host = new Host((message) => {
  if (window.parent !== window) window.parent.postMessage(message, '*');
});
embed.playground = playground;
embed.onHeight = (pixels) => host.height(pixels);
playground.subscribe(() => host.update(playground.screen));

/** The page around gives another hash. */
function follow(): void {
  hash = location.hash;
  const { view, theme } = embedOptions(hash);
  embed.view = view;
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}
addEventListener('hashchange', () => {
  follow();
  playground.linkChanged();
});

follow();
document.getElementById('page')!.replaceChildren(embed);
void playground.start();
