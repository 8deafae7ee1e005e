import { expect, it } from 'vitest';
import { messageOf } from './messages';

const [frame, origin] = [{}, 'https://host.example'];
const height = { source: 'sparse-circuit', type: 'height', height: 366 };
const change = { source: 'sparse-circuit', type: 'change', candidates: ["')", '")'], p: [0.9, 0.1], mode: 'full', flip: false, state: '#v=1' };
const sent = (data: unknown) => messageOf({ data, origin, source: frame }, frame, origin);

it('takes the messages of its frame', () => {
  for (const data of [height, change, { source: 'sparse-circuit', type: 'ready' }, { source: 'sparse-circuit', type: 'failed', message: 'No model.' }]) {
    expect(sent(data)).toBe(data);
  }
});

it('takes nothing from another window or origin, or without a frame', () => {
  expect(messageOf({ data: height, origin, source: {} }, frame, origin)).toBe(null);
  expect(messageOf({ data: height, origin: 'https://other.example', source: frame }, frame, origin)).toBe(null);
  expect(messageOf({ data: height, origin: 'null', source: frame }, frame, origin)).toBe(null);
  for (const none of [null, undefined]) expect(messageOf({ data: height, origin, source: none }, none, origin)).toBe(null);
});

it.each([
  null, 'height', 7, [], { ...height, source: 'other' }, { ...height, type: 'open' }, { ...height, height: '366' }, { ...height, height: NaN },
  { ...height, height: -1 }, { ...height, height: 1e6 }, { ...change, p: [1] }, { ...change, p: ['a', 'b'] }, { ...change, candidates: null },
  { ...change, flip: 'yes' }, { ...change, state: 1 }, { source: 'sparse-circuit', type: 'failed' },
])('ignores %j', (data) => {
  expect(sent(data)).toBe(null);
});
