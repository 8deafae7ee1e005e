/** A sentence as data: plain text, bold text, code. So tests and screen readers can use it as well. */

export type Span = string | { strong: string } | { code: string };

export type RichText = Span[];

export function plainText(rich: RichText): string {
  return rich.map((span) => (typeof span === 'string' ? span : 'strong' in span ? span.strong : span.code)).join('');
}
