import { html, type TemplateResult } from 'lit';
import type { RichText } from '../../text/rich-text';

export function richText(rich: RichText): TemplateResult[] {
  return rich.map((span) =>
    typeof span === 'string' ? html`${span}` : 'strong' in span ? html`<b>${span.strong}</b>` : html`<code>${span.code}</code>`,
  );
}
