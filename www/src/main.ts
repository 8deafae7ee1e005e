import './features/page/main.css';
import './features/page/page';
import type { Page } from './features/page/page';
import { restoreTheme } from './features/common/theme';
import { followTranslators } from './features/common/translators';
import { addressBar } from './state/address-bar';
import { openOwnDocuments } from './one-file';
import { createPlayground } from './start';

restoreTheme();
followTranslators();
if (__ONE_FILE__) openOwnDocuments();

const address = addressBar();
const page = document.createElement('sc-page') as Page;
page.playground = createPlayground({
  hash: () => location.hash,
  // The browser takes up to 3 ms for it, and the numbers come first.
  setHash: (hash, entry) => void page.updateComplete.then(() => address.write(hash, entry)),
  roomForPanel: () => innerWidth > 760,
});
document.getElementById('page')!.replaceChildren(page);
void page.playground.start().then(() => !__ONE_FILE__ && setTimeout(keep, 3000));

/** Once the page is live, keeps it for use without network. */
async function keep(): Promise<void> {
  const { keepForOffline } = await import('./features/offline/offline');
  keepForOffline();
}
