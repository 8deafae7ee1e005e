/** A sentence as data: plain text, bold text, code, and words of the glossary. So tests and screen readers can use it as well. */
import type { TermKey } from './glossary';

export type Span = string | { strong: string } | { code: string; strong?: boolean } | { term: TermKey; words: string };

export type RichText = Span[];

export function plainText(rich: RichText): string {
  return rich.map(plainSpan).join('');
}

function plainSpan(span: Span): string {
  if (typeof span === 'string') return span;
  return 'code' in span ? span.code : 'term' in span ? span.words : span.strong;
}
