/** Texts to prompts: presets come tokenized; for anything else the tokenizer is loaded, once. */
import type { Prompt } from './protocol';

/** What is needed of `WebTokenizer`. */
export interface Encoder {
  encode(text: string): Uint32Array;
  tokenText(id: number): string;
}

/** Stands for the start of a file where the prompt is empty: a model needs something to predict from. */
const START = '<|endoftext|>';

/** Texts whose tokens are kept: a flip or a changed node runs the same two again. */
const RECENT = 16;

export class Prompts {
  private readonly known = new Map<string, Prompt>();
  private recent: Prompt[] = [];
  private encoder: Promise<Encoder> | null = null;

  constructor(presets: Prompt[], private readonly contextLength: number, private readonly load: () => Promise<Encoder>) {
    for (const prompt of presets) this.known.set(prompt.text, prompt);
  }

  /** Loads the tokenizer before it is needed. A failure shows when it is. */
  async warm(): Promise<void> {
    await this.ready().catch(() => {});
  }

  private ready(): Promise<Encoder> {
    this.encoder ??= this.load().catch((error: unknown) => {
      this.encoder = null;
      throw error;
    });
    return this.encoder;
  }

  async of(text: string): Promise<Prompt> {
    const known = this.known.get(text) ?? this.recent.find((prompt) => prompt.text === text);
    if (known) return known;
    const prompt = encode(await this.ready(), text, this.contextLength);
    this.recent = [prompt, ...this.recent.slice(0, RECENT - 1)];
    return prompt;
  }
}

/** Tokens of a text; what is beyond the context is cut off on the left. */
export function encode(encoder: Encoder, text: string, contextLength: number): Prompt {
  // A text that spells the end-of-text token is still text: the tokenizer takes it apart where it can.
  const ids = [...encoder.encode(text === '' ? START : text)];
  const cut = Math.max(0, ids.length - contextLength);
  return { text, tokens: ids.slice(cut).map((id) => ({ id, text: text === '' ? '' : encoder.tokenText(id) })), cut };
}
