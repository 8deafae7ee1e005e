/** The address bar follows the page. */

export interface Bar {
  hash(): string;
  /** May throw, or do nothing: browsers limit how often. */
  replace(hash: string): void;
  /** Calls back after so many milliseconds; the answer calls it off. */
  later(act: () => void, ms: number): () => void;
}

/** How long a write that the browser refused waits: their limits are per 10 to 30 seconds. */
const AGAIN = 1000;

export class Address {
  private newest = '';
  private forget: () => void = () => {};

  constructor(private readonly bar: Bar) {}

  /** The newest hash counts: what the browser refuses is written as soon as it lets us. */
  write(hash: string): void {
    this.newest = hash;
    this.settle();
  }

  /** The person wrote something else there: nothing of ours may follow. */
  changed(): void {
    this.forget();
  }

  private settle(): void {
    this.forget();
    const before = this.bar.hash();
    if (before === this.newest) return;
    try {
      this.bar.replace(this.newest);
    } catch {
      // Too many at once. The link is not worth an error on a page that has its numbers.
    }
    if (this.bar.hash() === before) this.forget = this.bar.later(() => this.settle(), AGAIN);
  }
}

/** The browser's own. */
export function addressBar(): Address {
  const address = new Address({
    hash: () => location.hash,
    replace: (hash) => history.replaceState(null, '', hash),
    later: (act, ms) => {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
  });
  addEventListener('hashchange', () => address.changed());
  return address;
}
