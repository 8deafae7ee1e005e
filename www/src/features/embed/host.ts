/** Tells the page around an embedded circuit its height and its answers. Any page may listen: nothing here is secret. */
import { SOURCE, type Change, type EmbedMessage } from '../../domain/embed-messages';
import type { Screen } from '../../state/screen';
import { encode } from '../../state/url';

/** What the page around gets, without the name of the source. */
type Told = EmbedMessage extends infer M ? (M extends EmbedMessage ? Omit<M, 'source'> : never) : never;

export class Host {
  private started = false;
  private last = '';

  /** `post` sends a message to the page around. */
  constructor(private readonly post: (message: EmbedMessage) => void) {}

  /** The height of the content in CSS pixels. */
  height(pixels: number): void {
    this.tell({ type: 'height', height: Math.ceil(pixels) });
  }

  /** Call it after each change of the screen. */
  update(screen: Screen): void {
    const { phase, snapshot, placeholder, failure } = screen;
    if (phase === 'error') this.once(() => this.tell({ type: 'failed', message: failure ?? '' }), `failed ${failure}`);
    if (phase !== 'ready' || !snapshot || placeholder) return;
    if (!this.started) {
      this.started = true;
      this.tell({ type: 'ready' });
    }
    const { result, task, doc } = snapshot;
    const change: Change = { candidates: task.candidates, p: result.view.p, mode: result.edits.mode, flip: result.edits.flip, state: encode(doc) };
    this.once(() => this.tell({ type: 'change', ...change }), JSON.stringify(change));
  }

  private once(act: () => void, key: string): void {
    if (key === this.last) return;
    this.last = key;
    act();
  }

  private tell(message: Told): void {
    this.post({ source: SOURCE, ...message } as EmbedMessage);
  }
}
