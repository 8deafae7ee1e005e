/** Writes the page's state to the address bar. */

export interface Bar {
  hash(): string;
  /** May throw or do nothing, because browsers limit the rate. `entry`: as a new entry of the browser's history. */
  write(hash: string, entry: boolean): void;
  /** Calls `act` after `ms` milliseconds. Returns a function that cancels it. */
  later(act: () => void, ms: number): () => void;
}

/** Milliseconds before a refused write is tried again. Browsers limit writes per 10 to 30 seconds. */
const RETRY_MS = 1000;

export class Address {
  private newest = '';
  /** Whether the next write makes a new entry. */
  private entry = false;
  private cancel: () => void = () => {};

  constructor(private readonly bar: Bar) {}

  /** Writes the newest hash. If the browser refuses, tries again later. `entry`: the Back button leads to the state before. */
  write(hash: string, entry = false): void {
    this.newest = hash;
    this.entry ||= entry;
    this.settle();
  }

  /** The user has edited the address bar or gone back: cancel the pending write. */
  changed(): void {
    this.cancel();
    this.entry = false;
  }

  private settle(): void {
    this.cancel();
    const before = this.bar.hash();
    if (before === this.newest) return;
    try {
      this.bar.write(this.newest, this.entry);
    } catch {
      // Too many writes. The page still works, so show no error.
    }
    if (this.bar.hash() === before) this.cancel = this.bar.later(() => this.settle(), RETRY_MS);
    else this.entry = false;
  }
}

/** The address bar of the browser. */
export function addressBar(): Address {
  const address = new Address({
    hash: () => location.hash,
    write: (hash, entry) => (entry ? history.pushState(null, '', hash) : history.replaceState(null, '', hash)),
    later: (act, ms) => {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
  });
  addEventListener('hashchange', () => address.changed());
  return address;
}
