import { html, type TemplateResult } from 'lit';
import type { Piece } from '../../text/rich-text';

export function pieces(list: Piece[]): TemplateResult[] {
  return list.map((piece) =>
    typeof piece === 'string' ? html`${piece}` : 'strong' in piece ? html`<b>${piece.strong}</b>` : html`<code>${piece.code}</code>`,
  );
}
