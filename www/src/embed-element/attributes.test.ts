import { describe, expect, it } from 'vitest';
import { embedOptions } from '../features/embed/options';
import { decode } from '../state/url';
import { hashOf, heightOf, resumedHash, taskOf } from './attributes';

const hash = (attributes: Record<string, string>) => hashOf((name) => attributes[name] ?? null);
const state = (of: string) => decode(of, { tasks: ['quote', 'list'], model: null });

describe('the hash of the frame', () => {
  it('has what the attributes name, and any text survives', () => {
    const text = 'x = f("a&b=c#d", \'é\n+ %41';
    const of = hash({ task: 'list', a: text, b: '', mode: 'circuit', node: '0.mlp.post_act.3', view: 'bars', theme: 'dark' });
    expect(state(of)).toMatchObject({ task: 'list', a: text, b: '', edits: { mode: 'circuit' }, node: '0.mlp.post_act.3', notices: [] });
    expect(embedOptions(of)).toEqual({ view: 'bars', theme: 'dark' });
  });

  it('is valid without attributes, and with half of a character', () => {
    expect(state(hash({})).notices).toEqual([]);
    expect(state(hash({ a: 'x\ud800y' })).a).toBe('x\ufffdy');
  });

  it.each(['#', ''])('takes a whole state (%s first); attributes win over it', (start) => {
    const of = hash({ task: 'quote', state: `${start}v=1&task=list&a=%5B1&flip=1&view=graph` });
    expect(state(of)).toMatchObject({ task: 'quote', a: '[1', edits: { flip: true }, notices: [] });
    expect(embedOptions(of).view).toBe('graph');
  });

  it('made again has the state of the reader and the look of the page', () => {
    const of = resumedHash(hash({ task: 'quote', state: 'v=1&flip=1&theme=dark', view: 'bars' }), '#v=1&task=list&mode=full');
    expect(state(of)).toMatchObject({ task: 'list', edits: { flip: false } });
    expect(embedOptions(of)).toEqual({ view: 'bars', theme: 'dark' });
  });
});

it('only a plain name is the task of a picture', () => {
  expect(taskOf('#v=1&task=if_equals')).toBe('if_equals');
  for (const of of ['#v=1', '#task=', '#task=..%2Fx', '#task=a%20b']) expect(taskOf(of), of).toBe(null);
});

it('a height is a positive number of pixels', () => {
  expect(['320', '320px', '1e9', '0', '-4', 'auto', '', null].map(heightOf)).toEqual([320, 320, 4000, null, null, null, null, null]);
});
