/** Whether the numbers on the screen agree with those of the link. Loaded with a claim link. */
import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { agrees } from '../../domain/claim';
import { sameAnswer } from '../../state/document';
import type { Screen } from '../../state/screen';
import { claim as text } from '../../text/en/claim';
import { Light } from '../common/light';
import { richText } from '../common/rich-text';
import './claim.css';

@customElement('sc-claim')
export class ClaimLine extends Light {
  @property({ attribute: false }) screen!: Screen;

  protected override render(): TemplateResult {
    return html`<div role="status">${this.line()}</div>`;
  }

  private line(): TemplateResult | typeof nothing {
    const { claim, snapshot, placeholder, doc } = this.screen;
    if (!claim || !snapshot || placeholder || !sameAnswer(snapshot.doc, doc)) return nothing;
    const { p } = snapshot.result.view;
    const same = agrees(claim, p);
    return html`<p class="claim" data-testid="claim" data-agrees=${same}>${richText(same ? text.agrees : text.differs(snapshot.task.candidates, claim.p, p))}</p>`;
  }
}
