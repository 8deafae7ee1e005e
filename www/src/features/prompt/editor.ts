/**
 * A prompt as an editable text with its tokens underlined. The text area is the editable element itself, so nothing typed is ever
 * lost; the underlines are behind it, with the same font and the same line breaks.
 */
import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { segments, type Segment } from '../../domain/segments';
import type { Prompt } from '../../engine/protocol';
import { Light } from '../common/light';

@customElement('sc-editor')
export class Editor extends Light {
  @property() name = '';
  @property() label = '';
  @property() text = '';
  /** The tokens of the text last run, which may be older than `text`. */
  @property({ attribute: false }) prompt: Prompt | null = null;
  @property({ type: Number }) marked = -1;
  @property({ type: Boolean }) focused = false;
  /** One line high, scrolled to the marked token. */
  @property({ type: Boolean }) line = false;
  @property() placeholder = '';
  @property() describedby = '';
  @query('textarea') private area!: HTMLTextAreaElement;
  private frame = 0;
  /** The size of the type follows the width of the screen. */
  private readonly observer = new ResizeObserver(() => this.place(false));
  private input = (event: Event): void => {
    this.text = (event.target as HTMLTextAreaElement).value;
    this.dispatchEvent(new CustomEvent<string>('edit', { detail: this.text }));
  };
  private scrolled = (): void => {
    const under = this.area.previousElementSibling as HTMLElement;
    under.scrollTop = this.area.scrollTop;
    under.scrollLeft = this.area.scrollLeft;
  };

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
  }

  protected override firstUpdated(): void {
    if (!this.focused || !matchMedia('(hover: hover) and (pointer: fine)').matches) return;
    this.area.focus({ preventScroll: true });
    this.area.setSelectionRange(this.text.length, this.text.length);
  }

  protected override updated(changes: PropertyValues<this>): void {
    const foreign = changes.has('text') && this.area.value !== this.text;
    if (foreign) {
      this.area.value = this.text;
      this.area.setSelectionRange(this.text.length, this.text.length);
    }
    this.place(foreign);
  }

  /** With the frame's own layout, not with one of its own in the middle of an update. */
  private place(foreign: boolean): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      if (foreign || document.activeElement !== this.area) this.scrollToPoint();
      this.scrolled();
    });
  }

  /** Where nobody types: to the end, or in a single line to the marked token. */
  private scrollToPoint(): void {
    const marked = this.line ? this.querySelector<HTMLElement>('.sel') : null;
    // A line is as high as the field.
    this.area.scrollTop = marked ? Math.round(marked.offsetTop / this.area.clientHeight - 0.25) * this.area.clientHeight : this.area.scrollHeight;
    if (marked) this.area.scrollLeft = marked.offsetLeft - this.area.clientWidth / 2;
  }

  protected override render(): TemplateResult {
    return html`<div class="code" translate="no">
      <div class="under" aria-hidden="true">${this.underlines()}<span class="end">&#8203;</span></div>
      <textarea
        data-testid=${this.name}
        aria-label=${this.label}
        aria-describedby=${this.describedby || nothing}
        placeholder=${this.placeholder || nothing}
        dir="ltr"
        rows="1"
        spellcheck="false"
        autocapitalize="off"
        autocomplete="off"
        autocorrect="off"
        wrap=${this.line ? 'off' : 'soft'}
        @input=${this.input}
        @scroll=${this.scrolled}
      ></textarea>
    </div>`;
  }

  private underlines(): unknown {
    const { prompt, text } = this;
    if (!prompt) return [blanks(text)];
    return pending(text, prompt).map((segment) => {
      const kind = segment.tokens.length === 0 ? 'cut' : segment.tokens[0] === -1 ? 'new' : segment.tokens.includes(this.marked) ? 'tk sel' : 'tk';
      return html`<span class=${kind}>${kind === 'cut' ? segment.text : blanks(segment.text)}</span>`;
    });
  }
}

/** Longer texts go without dots and arrows until their tokens are known: thousands of marks would slow the typing down. */
const LONG = 2000;

/**
 * The segments of a text. Until its new tokens arrive, uses the old tokens as far as the texts agree; the rest has no segments.
 * So a key pressed at the end changes the end only.
 */
function pending(text: string, prompt: Prompt): Segment[] {
  const known = segments(prompt.text, prompt);
  if (prompt.text === text) return known;
  const kept: Segment[] = [];
  let at = 0;
  for (const segment of known) {
    if (!text.startsWith(segment.text, at)) break;
    kept.push(segment);
    at += segment.text.length;
  }
  return at < text.length ? [...kept, { text: text.slice(at), tokens: [-1] }] : kept;
}

/** Spaces get a dot and line ends an arrow, both drawn behind the character, so that lines break as in the text area. */
function blanks(text: string): unknown {
  if (text.length > LONG) return text;
  return text.split(/( |\n|\t)/).map((part) => {
    if (part === ' ') return html`<i class="sp"> </i>`;
    if (part === '\n') return html`<i class="nl"></i>${'\n'}`;
    return part;
  });
}
