/**
 * `<sparse-circuit>`: a circuit in a page. `<script type="module" src=".../embed.js"></script>` defines it. It shows a picture of the
 * circuit, puts the live one (`embed.html`, in a frame) over it when it comes near the screen, and removes the frame far away from it.
 * Events: `ready`; `change` with `detail` = candidates, p, mode, flip, state.
 */
import type { Change, EmbedMessage } from '../domain/embed-messages';
import { embedOptions } from '../features/embed/options';
import { hashOf, heightOf, OBSERVED, resumedHash, taskOf } from './attributes';
import { messageOf } from './messages';

/** The frame is made within this distance of the screen, and removed beyond the other. */
const NEAR = '50% 0px';
const FAR = '150% 0px';

/** Until the frame tells its height, in CSS pixels, by view. */
const HEIGHTS = { all: 545, bars: 190, graph: 390 };

const STYLE = `
:host { display: block; position: relative; overflow: hidden; min-width: 0; }
:host([hidden]) { display: none; }
iframe, .poster { position: absolute; inset: 0; width: 100%; height: 100%; border: 0; }
iframe { background: none; }
.poster { object-fit: contain; border-radius: 12px; }
.live .poster, .poster.lost { visibility: hidden; }
`;

/** Where this module comes from. Bundlers rewrite `new URL(..., import.meta.url)`, so it must not be written like that. */
const HERE = String(import.meta.url);

/** Server-side rendering has no DOM. */
const Base = globalThis.HTMLElement ?? class {};

class SparseCircuit extends Base {
  static readonly observedAttributes: readonly string[] = OBSERVED;

  private readonly box = document.createElement('div');
  private readonly poster = document.createElement('img');
  private frame: HTMLIFrameElement | null = null;
  private observers: IntersectionObserver[] = [];
  private near = false;
  /** The state that the reader has made. It outlives the frame. */
  private made: string | null = null;
  /** The height of the content in CSS pixels. */
  private content: number | null = null;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    // A style sheet made by script: a strict policy of the page around forbids style elements.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.poster.className = 'poster';
    this.poster.alt = '';
    this.poster.classList.add('lost');
    this.poster.addEventListener('error', () => this.poster.classList.add('lost'));
    this.box.append(this.poster);
    root.append(this.box);
  }

  connectedCallback(): void {
    addEventListener('message', this.receive);
    const watch = (rootMargin: string, act: (inside: boolean) => void) => {
      const observer = new IntersectionObserver((entries) => act(entries.at(-1)!.isIntersecting), { rootMargin });
      observer.observe(this);
      return observer;
    };
    this.observers = [
      watch(NEAR, (inside) => {
        this.near = inside;
        if (inside) this.open();
      }),
      watch(FAR, (inside) => {
        if (!inside) this.close();
      }),
    ];
    this.draw();
  }

  disconnectedCallback(): void {
    removeEventListener('message', this.receive);
    for (const observer of this.observers) observer.disconnect();
    this.close();
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    if (name !== 'height') this.made = null;
    this.draw();
    if (name === 'src') this.close();
    if (this.frame) this.frame.contentWindow?.location.replace(this.address());
    else if (this.near) this.open();
  }

  private address(): string {
    const src = this.getAttribute('src');
    const page = src === null ? new URL('embed.html', HERE) : new URL(src, document.baseURI);
    const hash = hashOf((name) => this.getAttribute(name));
    page.hash = this.made === null ? hash : resumedHash(hash, this.made);
    return page.href;
  }

  private get origin(): string {
    // A frame within a sandboxed page has no origin, as the page itself.
    return self.origin === 'null' ? 'null' : new URL(this.address()).origin;
  }

  private draw(): void {
    const address = new URL(this.address());
    const { view, theme } = embedOptions(address.hash);
    this.box.style.colorScheme = theme === 'auto' ? '' : theme;
    this.style.height = `${heightOf(this.getAttribute('height')) ?? this.content ?? HEIGHTS[view]}px`;
    const picture = new URL(`posters/${taskOf(address.hash) ?? 'default'}.svg`, address);
    picture.search = picture.hash = '';
    if (view === 'bars' || this.poster.src === picture.href) return;
    this.poster.classList.remove('lost');
    this.poster.src = picture.href;
  }

  private open(): void {
    if (this.frame) return;
    const frame = document.createElement('iframe');
    frame.title = this.getAttribute('title') ?? 'A circuit of a small transformer, live';
    frame.src = this.address();
    this.frame = frame;
    this.box.append(frame);
  }

  private close(): void {
    this.frame?.remove();
    this.frame = null;
    this.box.classList.remove('live');
  }

  private readonly receive = (event: MessageEvent): void => {
    const message = messageOf(event, this.frame?.contentWindow, this.origin);
    if (message) this.take(message);
  };

  private take(message: EmbedMessage): void {
    switch (message.type) {
      case 'height':
        this.content = message.height;
        this.draw();
        break;
      case 'ready':
        this.box.classList.add('live');
        this.dispatchEvent(new Event('ready'));
        break;
      case 'failed':
        this.box.classList.add('live');
        break;
      case 'change': {
        const { candidates, p, mode, flip, state } = message;
        this.made = state;
        this.dispatchEvent(new CustomEvent<Change>('change', { detail: { candidates, p, mode, flip, state } }));
        break;
      }
    }
  }
}

// A page may load this module twice.
if (globalThis.customElements && !customElements.get('sparse-circuit')) customElements.define('sparse-circuit', SparseCircuit);
