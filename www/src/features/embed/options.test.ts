import { expect, it } from 'vitest';
import { embedOptions } from './options';

it('view and theme come from the hash, next to the state', () => {
  expect(embedOptions('#v=1&task=x&view=bars&theme=dark')).toEqual({ view: 'bars', theme: 'dark' });
  expect(embedOptions('')).toEqual({ view: 'all', theme: 'auto' });
});

it.each(['#view=none&theme=blue', '#view=%E0%A4%A&theme=', '#view=BARS', '#view', '#&&=&view=__proto__'])('%s means the defaults', (hash) => {
  expect(embedOptions(hash)).toEqual({ view: 'all', theme: 'auto' });
});
