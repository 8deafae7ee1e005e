/** Words of the glossary: a dotted underline, and a tip with the sentence on hover, focus and tap. Escape closes the tip. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { term as text } from '../../text/en';
import { glossary, type TermKey } from '../../text/glossary';
import { Light } from './light';
import { styles } from './styles';

/** A word of the glossary inside a text. */
export function term(key: TermKey, words: string): TemplateResult {
  return html`<button type="button" class="term" data-term=${key} aria-haspopup="true">${words}</button>`;
}

/** Milliseconds before a hovered word shows its sentence. */
const HOVER = 300;
/** Pixels between a word and its tip, and the least distance to the edges of the window. */
const GAP = 8;
const WIDTH = 296;

interface Shown {
  key: TermKey;
  word: HTMLElement;
}

/** The one tip of the page. It follows the word that is hovered, focused or tapped. */
@customElement('sc-term-tip')
export class TermTip extends Light {
  @state() private shown: Shown | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    for (const [kind, listener] of this.listeners) document.addEventListener(kind, listener, true);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const [kind, listener] of this.listeners) document.removeEventListener(kind, listener, true);
  }

  private readonly listeners: [string, (event: Event) => void][] = [
    ['pointerover', (event) => this.hovered(event as PointerEvent)],
    ['focusin', (event) => this.show(termAt(event))],
    ['focusout', () => this.show(null)],
    ['click', (event) => this.show(termAt(event))],
    ['scroll', () => this.show(null)],
    ['keydown', (event) => {
      if ((event as KeyboardEvent).key !== 'Escape' || !this.shown) return;
      // Only the tip closes, not the panel behind it.
      event.stopPropagation();
      this.show(null);
    }],
  ];

  private hovered(event: PointerEvent): void {
    if (event.pointerType === 'touch') return;
    const word = termAt(event);
    if (word === this.shown?.word || this.contains(event.target as Node)) {
      clearTimeout(this.timer);
      return;
    }
    clearTimeout(this.timer);
    if (word || this.shown?.word !== document.activeElement) this.timer = setTimeout(() => this.show(word), HOVER);
  }

  private show(word: HTMLElement | null): void {
    clearTimeout(this.timer);
    this.shown?.word.removeAttribute('aria-describedby');
    word?.setAttribute('aria-describedby', 'term-tip');
    this.shown = word ? { key: word.dataset['term'] as TermKey, word } : null;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { shown } = this;
    if (!shown) return nothing;
    // On large screens the page is zoomed, and lengths inside it count zoomed pixels.
    // This element has no box, so its own zoom counts as 1.
    const zoom = (this.parentElement as { currentCSSZoom?: number } | null)?.currentCSSZoom ?? 1;
    const box = shown.word.getBoundingClientRect();
    const [windowWidth, windowHeight] = [innerWidth / zoom, innerHeight / zoom];
    const [top, bottom] = [box.top / zoom, box.bottom / zoom];
    const middle = (box.x + box.width / 2) / zoom;
    const width = Math.min(WIDTH, windowWidth - 2 * GAP);
    const left = Math.max(GAP, Math.min(windowWidth - GAP - width, middle - width / 2));
    const above = bottom > windowHeight - 130;
    const { word, meaning } = glossary[shown.key];
    return html`<div
      id="term-tip"
      class="term-tip ${above ? 'above' : ''}"
      role="tooltip"
      data-testid="term-tip"
      data-term=${shown.key}
      ${styles({
        left: `${left}px`, width: `${width}px`, '--arrow': `${middle - left}px`,
        top: above ? 'auto' : `${bottom + GAP}px`, bottom: above ? `${windowHeight - top + GAP}px` : 'auto',
      })}
    ><b>${word}</b>${text.means}${meaning}</div>`;
  }
}

function termAt(event: Event): HTMLElement | null {
  return event.target instanceof Element ? event.target.closest<HTMLElement>('.term') : null;
}
