import { expect, it } from 'vitest';
import { explained, failAfterTrap, isTrap } from './trap';

it('knows a trap, also after its way from the worker', () => {
  expect(isTrap(new WebAssembly.RuntimeError('unreachable'))).toBe(true);
  expect(isTrap(Object.assign(new Error('unreachable'), { name: 'RuntimeError' }))).toBe(true);
  expect(isTrap(new Error('no such task'))).toBe(false);
  expect(isTrap('unreachable')).toBe(false);
});

it('gives an error a text, and lets a trap pass', () => {
  const explain = (error: unknown) => () => explained(() => { throw error; }, (cause) => `the file: ${cause}`);
  expect(explained(() => 1, String)).toBe(1);
  expect(explain(new Error('cut off'))).toThrow('the file: cut off');
  const trap = new WebAssembly.RuntimeError('unreachable');
  expect(explain(trap)).toThrow(trap);
});

it('uses a session no more after it has trapped', () => {
  const session = failAfterTrap({
    calls: 0,
    refuse() {
      throw new Error('refused');
    },
    trap() {
      throw new WebAssembly.RuntimeError('unreachable');
    },
    count() {
      return ++this.calls;
    },
  });
  expect(() => session.refuse()).toThrow('refused');
  expect(session.count()).toBe(1);
  expect(() => session.trap()).toThrow('unreachable');
  expect(() => session.count()).toThrow('unreachable');
  expect(session.calls).toBe(1);
});
