/** Converts texts to prompts. Presets are tokenized already. The first other text loads the tokenizer. */
import type { Prompt, Ruling } from './protocol';

/** The part of `WebTokenizer` that prompts need. */
export interface Encoder {
  encode(text: string): Uint32Array;
  tokenText(id: number): string;
  counterfactual(task: string, text: string, context: number): Ruling;
}

/** Replaces an empty prompt, because a model needs at least one token. In the training data it separates documents. */
const START = '<|endoftext|>';

/** How many prompts are kept. A flip or a changed node runs the same two prompts again. */
const RECENT = 16;

export class Prompts {
  /** The presets by their text. */
  private readonly known = new Map<string, Prompt>();
  private recent: Prompt[] = [];
  private encoder: Promise<Encoder> | null = null;

  constructor(presets: Prompt[], private readonly contextLength: number, private readonly load: () => Promise<Encoder>) {
    for (const prompt of presets) this.known.set(prompt.text, prompt);
  }

  /** Loads the tokenizer before it is needed. A failure is reported by the first text that needs it. */
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

  /** What the rule of a task says of a text. */
  async rule(task: string, text: string): Promise<Ruling> {
    return (await this.ready()).counterfactual(task, text, this.contextLength);
  }
}

/** Tokenizes a text. A text longer than the context loses tokens on the left. */
export function encode(encoder: Encoder, text: string, contextLength: number): Prompt {
  // A text that spells the separator is split like any other text, if the vocabulary allows it.
  const ids = [...encoder.encode(text === '' ? START : text)];
  const cut = Math.max(0, ids.length - contextLength);
  return { text, tokens: ids.slice(cut).map((id) => ({ id, text: text === '' ? '' : encoder.tokenText(id) })), cut };
}
