/** What Share offers: the link, the link with the numbers on the screen, and the HTML for another page with a live preview. Loaded when the user opens it. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { messageOf } from '../../embed-element/messages';
import { claimOf, type Claim } from '../../domain/claim';
import { sameAnswer, type Doc } from '../../state/document';
import type { Snapshot } from '../../state/screen';
import { encode } from '../../state/url';
import { share as text } from '../../text/en/share';
import { icons } from '../common/icons';
import { Light } from '../common/light';
import { styles } from '../common/styles';
import { THEMES, VIEWS, type EmbedOptions } from '../embed/options';
import './share.css';
import { elementSnippet, frameAddress, frameSnippet } from './snippets';

type Field = HTMLInputElement | HTMLTextAreaElement;

@customElement('sc-share')
export class Share extends Light {
  @property({ attribute: false }) doc!: Doc;
  @property({ attribute: false }) snapshot: Snapshot | null = null;
  @query('dialog') private dialog!: HTMLDialogElement;
  @query('iframe') private preview!: HTMLIFrameElement | null;
  @state() private told = '';
  @state() private embeds = false;
  @state() private look: EmbedOptions = { view: 'all', theme: 'auto' };
  /** Of the preview, in CSS pixels. */
  @state() private height = 400;

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('message', this.receive);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('message', this.receive);
  }

  protected override firstUpdated(): void {
    this.dialog.showModal();
    void this.copy('share-link');
  }

  private receive = (event: MessageEvent): void => {
    const message = messageOf(event, this.preview?.contentWindow, location.origin);
    if (message?.type === 'height') this.height = message.height;
  };

  private get base(): string {
    return new URL('./', document.baseURI).href;
  }

  private linkTo(claim: Claim | null): string {
    const hash = encode(this.doc, null, claim);
    // Where this file lies is of use to nobody else.
    return __ONE_FILE__ ? hash : `${location.href.split('#')[0]}${hash}`;
  }

  /** The numbers on the screen; null while they do not belong to the document. */
  private get claim(): Claim | null {
    const { snapshot, doc } = this;
    return snapshot && sameAnswer(snapshot.doc, doc) ? claimOf(snapshot.result.view.p) : null;
  }

  protected override render(): TemplateResult {
    const { claim } = this;
    return html`<dialog class="card dialog share" aria-labelledby="share-title" @keydown=${(event: Event) => event.stopPropagation()} @close=${() => this.dispatchEvent(new Event('closed'))}>
      <div class="head"><h2 id="share-title">${text.title}</h2>
        <button class="quiet icon" data-testid="share-close" aria-label=${text.close} @click=${() => this.dialog.close()}>${icons.close}</button></div>
      ${this.field('share-link', text.link, this.linkTo(null), 1)}
      ${claim ? this.field('share-claim', text.claim, this.linkTo(claim), 1) : nothing}
      <p class="status" role="status" data-testid="share-status">${this.told}</p>
      ${__ONE_FILE__ ? html`<p data-testid="share-hash">${text.hashOnly}</p>` : nothing}
      <div class="more">
        ${__ONE_FILE__ ? nothing : html`<button class="twinb" data-testid="embed" aria-expanded=${this.embeds} @click=${() => (this.embeds = !this.embeds)}>${text.embed}</button>`}
        <button class="twinb" data-testid="share-picture" @click=${() => this.dispatchEvent(new Event('picture'))}>${text.picture}</button>
      </div>
      ${!__ONE_FILE__ && this.embeds ? this.embedding() : nothing}
    </dialog>`;
  }

  /** The HTML for another page. */
  private embedding(): TemplateResult {
    const { base, doc, look } = this;
    const address = frameAddress(base, doc, look);
    return html`<div class="looks">
      ${this.choice(text.view, VIEWS, look.view, text.views, (view) => (this.look = { ...look, view }))}
      ${this.choice(text.theme, THEMES, look.theme, text.themes, (theme) => (this.look = { ...look, theme }))}
    </div>
    ${this.field('embed-code', text.element, elementSnippet(base, doc, look), 3)}
    ${this.field('embed-frame', text.frame, frameSnippet(base, doc, look, this.height, text.frameTitle), 3)}
    <h3>${text.preview}</h3>
    ${keyed(address, html`<iframe data-testid="embed-preview" title=${text.preview} src=${address} ${styles({ height: `${this.height}px` })}></iframe>`)}`;
  }

  /** A text to copy. The button copies it; where that is not allowed, the text is selected. */
  private field(name: string, label: string, value: string, rows: number): TemplateResult {
    return html`<div class="field"><label for=${name}>${label}</label>
      ${rows === 1
        ? html`<input id=${name} data-testid=${name} readonly .value=${value} />`
        : html`<textarea id=${name} data-testid=${name} readonly rows=${rows} spellcheck="false" .value=${value}></textarea>`}
      <button class="quiet" aria-label=${text.copyOf(label)} @click=${() => this.copy(name)}>${text.copy}</button></div>`;
  }

  private choice<T extends string>(label: string, values: readonly T[], chosen: T, names: Record<T, string>, pick: (value: T) => void): TemplateResult {
    return html`<label>${label} <select @change=${(event: Event) => pick((event.target as HTMLSelectElement).value as T)}>
      ${values.map((value) => html`<option value=${value} .selected=${value === chosen}>${names[value]}</option>`)}</select></label>`;
  }

  private async copy(name: string): Promise<void> {
    const field = this.querySelector<Field>(`#${name}`)!;
    field.focus();
    field.select();
    // There is no clipboard at an insecure address, and a frame may refuse it.
    const copied = await navigator.clipboard?.writeText(field.value).then(() => true, () => false);
    this.told = copied ? text.copied : text.selected;
  }
}
