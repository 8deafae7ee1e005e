import { html, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import type { RichText } from '../../text/rich-text';
import { term } from './term';

/** A sentence. A new one gets new elements: a page translator may have reordered those of the old one. */
export function richText(rich: RichText): unknown {
  return keyed(JSON.stringify(rich), rich.map(part));
}

function part(span: RichText[number]): TemplateResult {
  if (typeof span === 'string') return html`${span}`;
  if ('code' in span) return span.strong ? html`<b><code translate="no">${span.code}</code></b>` : html`<code translate="no">${span.code}</code>`;
  return 'term' in span ? term(span.term, span.words) : html`<b>${span.strong}</b>`;
}
