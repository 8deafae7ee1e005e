/** A sentence as data: plain text, bold text, code, and words of the glossary. So tests and screen readers can use it as well. */
import { glossary, type TermKey } from './glossary';

export type Span = string | { strong: string } | { code: string; strong?: boolean } | { term: TermKey; words: string };

export type RichText = Span[];

export function plainText(rich: RichText): string {
  return rich.map(plainSpan).join('');
}

function plainSpan(span: Span): string {
  if (typeof span === 'string') return span;
  return 'code' in span ? span.code : 'term' in span ? span.words : span.strong;
}

/** Makes the first use of each word of the glossary a term. Texts of one section share `seen`, the terms that the section has already. */
export function linked(rich: RichText, seen: Set<TermKey> = new Set()): RichText {
  return rich.flatMap((span) => {
    if (typeof span === 'string') return linkedText(span, seen);
    if ('term' in span) seen.add(span.term);
    return [span];
  });
}

function linkedText(text: string, seen: Set<TermKey>): RichText {
  let first: { at: number; term: TermKey; words: string } | null = null;
  for (const [term, { find }] of Object.entries(glossary) as [TermKey, { find?: RegExp }][]) {
    const match = seen.has(term) ? null : find?.exec(text);
    if (match && (first === null || match.index < first.at)) first = { at: match.index, term, words: match[0] };
  }
  if (first === null) return text === '' ? [] : [text];
  const { at, term, words } = first;
  seen.add(term);
  return [...(at > 0 ? [text.slice(0, at)] : []), { term, words }, ...linkedText(text.slice(at + words.length), seen)];
}
