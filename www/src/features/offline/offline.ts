/** What is kept for use without network: a paragraph in About, and the notice of a new version. Loaded when the page is live. */
import './offline.css';
import { LitElement, html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { offline as text } from '../../text/en';
import { Keeper, type Offline } from './keep';

const views = new Set<OfflineView>();
const keeper = new Keeper(() => views.forEach((view) => (view.offline = keeper.offline)));

abstract class OfflineView extends LitElement {
  @state() offline: Offline = keeper.offline;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    views.add(this);
    this.offline = keeper.offline;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    views.delete(this);
  }
}

/** In About: what is stored, and the button that removes it. */
@customElement('sc-kept')
export class KeptView extends OfflineView {
  protected override render(): TemplateResult {
    const { kept } = this.offline;
    const button = kept.kind === 'kept'
      ? html` <button class="quiet" data-testid="offline-remove" @click=${() => void keeper.remove()}>${text.remove}</button>`
      : kept.kind === 'removed' || kept.kind === 'failed'
        ? html` <button class="quiet" data-testid="offline-store" @click=${() => void keeper.store()}>${text.store}</button>`
        : nothing;
    return html`<p data-testid="offline" data-state=${kept.kind}>${text.kept(kept)}${button}</p>`;
  }
}

/** Over the footer: a new version is ready. */
@customElement('sc-update')
export class UpdateView extends OfflineView {
  protected override render(): TemplateResult | typeof nothing {
    if (!this.offline.updated) return nothing;
    return html`<p class="notice" role="status" data-testid="update">${text.updated} <button class="quiet" data-testid="update-reload" @click=${() => keeper.update()}>${text.reload}</button></p>`;
  }
}

export function keepForOffline(): void {
  void keeper.start();
}
