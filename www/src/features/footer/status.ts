/** The state of the engine. */
import { html, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Playground } from '../../state/playground';
import type { Screen } from '../../state/screen';
import { footer as text } from '../../text/en';
import { Light } from '../common/light';

export function status(screen: Screen): TemplateResult {
  return html`<span class="state" data-testid="status" data-state=${screen.phase} data-placeholder=${screen.placeholder}><i class="dot"></i><span>${words(screen)}</span></span>`;
}

/** Follows every change of the state by itself: while the user types, the rest of the page waits for the answer. */
@customElement('sc-status')
export class Status extends Light {
  @property({ attribute: false }) playground!: Playground;
  private leave: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.leave = this.playground.subscribe(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.leave?.();
  }

  protected override render(): TemplateResult {
    return status(this.playground.screen);
  }
}

function words({ phase, progress, placeholder }: Screen): string {
  if (phase === 'loading') return text.state.loading(progress, placeholder);
  return phase === 'error' ? text.state.error : text.state[phase](progress?.loaded ?? null);
}
