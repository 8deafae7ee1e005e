import { describe, expect, it } from 'vitest';
import { Address } from './address-bar';

/** A browser that accepts a number of writes, then throws or ignores them until the test allows more. */
function browser(refuse: 'throws' | 'ignores') {
  const state = { hash: '#old', entries: 0, takes: 1, waiting: [] as (() => void)[] };
  const address = new Address({
    hash: () => state.hash,
    write: (hash, entry) => {
      if (state.takes-- > 0) [state.hash, state.entries] = [hash, state.entries + (entry ? 1 : 0)];
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
  it('gets the newest hash when it accepts writes again', () => {
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
  it('keeps what the user has written there meanwhile', () => {
    const { state, address } = browser(refuse);
    for (const hash of ['#1', '#2']) address.write(hash);
    state.hash = '#theirs';
    address.changed();
    expect(state.waiting).toEqual([]);
  });
  it('makes a new entry of the history when it accepts writes again', () => {
    const { state, address } = browser(refuse);
    address.write('#1');
    address.write('#2', true);
    address.write('#3');
    state.takes = 2;
    state.waiting[0]!();
    expect(state).toMatchObject({ hash: '#3', entries: 1 });
    address.write('#4');
    expect(state).toMatchObject({ hash: '#4', entries: 1 });
  });
});
