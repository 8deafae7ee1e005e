import { expect, it } from 'vitest';
import { dataUrl, legal } from './picture';

it('replaces characters that XML does not have, and keeps all others', () => {
  expect(legal('a\u0000\u000c\u001b\ufffe\ud83d')).toBe('a\ufffd\ufffd\ufffd\ufffd\ufffd');
  const fine = 'tab\tline\r\n<b>&"é🙂\u2212\u202e';
  expect(legal(fine)).toBe(fine);
});

it('writes a picture as an address', () => {
  const svg = '<svg a="#1">%é</svg>';
  const [head, body] = dataUrl(svg).split(',');
  expect([head, decodeURIComponent(body!)]).toEqual(['data:image/svg+xml', svg]);
  expect(body).not.toMatch(/[#<]/);
});
