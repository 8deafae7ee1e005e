/** A sentence in pieces: plain text, what is strong, what is code. Built as data so that it can be tested and spoken. */

export type Piece = string | { strong: string } | { code: string };

export function spoken(pieces: Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : 'strong' in piece ? piece.strong : piece.code)).join('');
}
