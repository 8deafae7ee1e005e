import { describe, expect, it } from 'vitest';
import { Address } from './address-bar';

/** A browser that takes so many writes, then throws or does nothing until the test lets it take more. */
function browser(refuse: 'throws' | 'ignores') {
  const state = { hash: '#old', takes: 1, waiting: [] as (() => void)[] };
  const address = new Address({
    hash: () => state.hash,
    replace: (hash) => {
      if (state.takes-- > 0) state.hash = hash;
      else if (refuse === 'throws') throw new DOMException('The operation is insecure.', 'SecurityError');
    },
    later: (act) => {
      state.waiting.push(act);
      return () => (state.waiting = state.waiting.filter((one) => one !== act));
    },
  });
  return { state, address };
}

describe.each(['throws', 'ignores'] as const)('a browser that %s when there are too many writes', (refuse) => {
  it('gets the newest hash once it takes writes again', () => {
    const { state, address } = browser(refuse);
    for (const hash of ['#1', '#2', '#3']) address.write(hash);
    expect(state.hash).toBe('#1');
    expect(state.waiting.length).toBe(1);
    state.waiting[0]!();
    expect(state.hash).toBe('#1');
    state.takes = 1;
    state.waiting[0]!();
    expect(state.hash).toBe('#3');
    expect(state.waiting).toEqual([]);
  });
  it('keeps what a person wrote there meanwhile', () => {
    const { state, address } = browser(refuse);
    for (const hash of ['#1', '#2']) address.write(hash);
    state.hash = '#theirs';
    address.changed();
    expect(state.waiting).toEqual([]);
  });
});
