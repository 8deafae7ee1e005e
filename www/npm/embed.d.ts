/** Defines the custom element `<sparse-circuit>`: a live circuit of a small transformer. */

/** The attributes of the element. Each is optional. */
export interface SparseCircuitAttributes {
  /** A task of the model, such as `single_double_quote`. */
  task?: string;
  /** The prompt. */
  a?: string;
  /** The counterfactual prompt. */
  b?: string;
  mode?: 'full' | 'circuit' | 'removed';
  /** A node to mark, such as `1.attn.resid_delta.92`. */
  node?: string;
  view?: 'all' | 'bars' | 'graph';
  theme?: 'light' | 'dark' | 'auto';
  /** CSS pixels. The default is the height of the content. */
  height?: string | number;
  /** A whole state: the part of a link to the page after `#`. Other attributes win over it. */
  state?: string;
  /** The address of `embed.html`. The default is next to `embed.js`. A bundler moves `embed.js`, so it needs this attribute. */
  src?: string;
}

/** The answer on the screen: `detail` of the event `change`. */
export interface SparseCircuitChange {
  candidates: [string, string];
  /** The probabilities of the candidates. */
  p: [number, number];
  mode: 'full' | 'circuit' | 'removed';
  flip: boolean;
  /** The whole state, for the attribute `state`. */
  state: string;
}

/** The events of the element. They do not bubble. */
export interface SparseCircuitEventMap {
  /** The first live numbers are on the screen. */
  ready: Event;
  change: CustomEvent<SparseCircuitChange>;
}

export interface SparseCircuitElement extends HTMLElement {
  addEventListener<K extends keyof SparseCircuitEventMap>(type: K, listener: (event: SparseCircuitEventMap[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener<K extends keyof HTMLElementEventMap>(type: K, listener: (event: HTMLElementEventMap[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'sparse-circuit': SparseCircuitElement;
  }
}
