/** A part of the page whose code is loaded when the part is shown for the first time. */
import { html, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { page as text } from '../../text/en';
import { Light } from './light';

/** `name` begins the test id of the error. */
export function lazy(name: string, load: () => Promise<unknown>, content: () => TemplateResult): TemplateResult {
  return html`<sc-lazy .name=${name} .load=${load} .content=${content}></sc-lazy>`;
}

@customElement('sc-lazy')
export class Lazy extends Light {
  @property({ attribute: false }) name = '';
  @property({ attribute: false }) load!: () => Promise<unknown>;
  @property({ attribute: false }) content!: () => TemplateResult;
  /** Whether the code is loaded, or the error. */
  @state() private code: 'loading' | 'here' | { lost: string } = 'loading';

  protected override firstUpdated(): void {
    this.load().then(
      () => (this.code = 'here'),
      (error: unknown) => (this.code = { lost: text.codeLost(String(error)) }),
    );
  }

  protected override render(): TemplateResult {
    if (this.code === 'here') return this.content();
    if (this.code === 'loading') return html`<p class="tload">${text.codeLoading}</p>`;
    return html`<p class="notice" role="alert" data-testid="${this.name}-error">${this.code.lost}</p>`;
  }
}
