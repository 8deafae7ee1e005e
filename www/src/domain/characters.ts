/** Characters that may come from anywhere: a link, a clipboard, a file. */

/** A lone surrogate cannot be encoded; it becomes U+FFFD, as in every text that leaves a browser. */
export function wellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD');
}

/** Line ends as one character, no control characters but tab and newline. */
export function cleanText(text: string): string {
  return wellFormed(text.replace(/\r\n?/g, '\n')).replace(/[\u0000-\u0008\u000B-\u001F\u007F]/g, '');
}
