import { LitElement } from 'lit';

/** A component without a shadow root: one style sheet, and names that every tool finds. */
export class Light extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
