/** What `bench.html#...` asks for. */

export interface Shape {
  dModel: number;
  nLayer: number;
  density: number;
  tokens: number;
  batch: number;
}

/** One measurement of both backends. */
export interface Wanted {
  what: string;
  shape: Shape;
}

/**
 * `part=page` or `part=backends` leaves the other out; `runs=5` is how often the page is asked; `grid=full` or `grid=small` chooses the measurements of both backends; keys of a
 * shape and `what` keep a part of them, as `what=forward&dModel=2048&batch=128`.
 */
export class Options {
  private readonly words: URLSearchParams;

  constructor(hash: string) {
    this.words = new URLSearchParams(hash.replace(/^#/, ''));
  }

  has(part: 'page' | 'backends'): boolean {
    return (this.words.get('part') ?? part) === part;
  }

  /** Keys and flips, or null: as many as make a good median. */
  get runs(): number | null {
    return Number(this.words.get('runs')) || null;
  }

  /** Null: as much as the device deserves. */
  get full(): boolean | null {
    const grid = this.words.get('grid');
    return grid === null ? null : grid === 'full';
  }

  /** Whether it is one of those asked for. The rooflines always are: the others are measured against them. */
  keeps({ what, shape }: Wanted): boolean {
    if (what === 'roofline' || what === 'copy') return true;
    return Object.entries({ what, ...shape }).every(([key, value]) => (this.words.get(key) ?? String(value)) === String(value));
  }
}
