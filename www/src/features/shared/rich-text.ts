import { html, type TemplateResult } from 'lit';
import type { RichText } from '../../text/rich-text';
import { term } from './term';

export function richText(rich: RichText): TemplateResult[] {
  return rich.map((span) => {
    if (typeof span === 'string') return html`${span}`;
    if ('code' in span) return span.strong ? html`<b><code>${span.code}</code></b>` : html`<code>${span.code}</code>`;
    return 'term' in span ? term(span.term, span.words) : html`<b>${span.strong}</b>`;
  });
}
