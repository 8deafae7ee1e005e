/** The place of the dense twin's panel. Its code is loaded when it is opened for the first time. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { withTwin } from '../../state/document';
import type { Playground } from '../../state/playground';
import { twin as text } from '../../text/en';
import { Light } from '../common/light';

/** The button that opens and closes the twin. */
export function twinSwitch(playground: Playground): TemplateResult | typeof nothing {
  const { screen } = playground;
  if (!screen.twin) return nothing;
  const open = screen.doc.twin !== null;
  const knows = screen.twin.listed.tasks.some((task) => task.name === screen.doc.task);
  return html`${open || knows ? nothing : html`<p class="twinwhy" id="twin-why" data-testid="twin-why">${text.noTask}</p>`}
    <button class="twinb" data-testid="twin-open" aria-expanded=${open} ?disabled=${!screen.snapshot || screen.placeholder || !(open || knows)}
      aria-describedby=${open || knows ? nothing : 'twin-why'} title=${knows ? text.openHint : nothing}
      @click=${() => playground.change(withTwin(screen.doc, !open), 'select')}>${text.name}</button>`;
}

/** The twin's panel, once the model that was trained with it is open. */
export function twinPanel(playground: Playground): TemplateResult | typeof nothing {
  const { doc, twin, placeholder, snapshot, model } = playground.screen;
  if (!doc.twin || !twin || placeholder || !snapshot || model?.file !== twin.listed.file) return nothing;
  return html`<sc-twin-slot .playground=${playground}></sc-twin-slot>`;
}

@customElement('sc-twin-slot')
export class TwinSlot extends Light {
  @property({ attribute: false }) playground!: Playground;
  /** Whether the code of the panel is loaded, or the error. */
  @state() private code: 'loading' | 'here' | { lost: string } = 'loading';

  override connectedCallback(): void {
    super.connectedCallback();
    import('./twin').then(
      () => (this.code = 'here'),
      (error: unknown) => (this.code = { lost: text.codeLost(String(error)) }),
    );
  }

  protected override render(): TemplateResult {
    if (this.code === 'here') return html`<sc-twin .playground=${this.playground}></sc-twin>`;
    if (this.code === 'loading') return html`<p class="tload">${text.codeLoading}</p>`;
    return html`<p class="notice" role="alert" data-testid="twin-error">${this.code.lost}</p>`;
  }
}
