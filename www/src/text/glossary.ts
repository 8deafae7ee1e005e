/**
 * The glossary: one sentence or two for each word of the field that the page uses. `features/common/term.ts` draws a word with its sentence.
 * `find` is how the word occurs in a text, for `linked` in `rich-text.ts`.
 */

const GLOSSARY = {
  token: { word: 'Token', find: /\btokens?\b/i, meaning: 'a piece of text that the model reads or writes at once. This model knows 1,024 of them.' },
  node: { word: 'Node', find: /\bnodes?\b/i, meaning: 'one number that the model computes at each token: a neuron, a channel of an attention head, or a read or a write of the residual stream.' },
  circuit: { word: 'Circuit', find: /\bcircuit\b/i, meaning: 'a small set of nodes that does the task when every other node is fixed at its average.' },
  edge: { word: 'Edge', find: /\bedges?\b/i, meaning: 'one nonzero weight between two nodes of the circuit.' },
  counterfactual: { word: 'Counterfactual', find: /\bcounterfactual\b/i, meaning: 'the same prompt with one thing changed, so that the other answer is right.' },
  control: { word: 'Control', meaning: 'the same copy from prompts that need the same answer as yours. The answer should stay. So what reverses it is the other answer, not the copying.' },
  layer: { word: 'Layer', find: /\blayers?\b/i, meaning: 'one attention block and one MLP block. The model runs its layers one after the other.' },
  attention: { word: 'Attention', find: /\battention\b/i, meaning: 'looks up values at earlier tokens and adds them up. Each head of it is one such look-up.' },
  head: { word: 'Attention head', find: /\b(attention )?heads?\b/i, meaning: 'one look-up at earlier tokens, with queries, keys and values of its own.' },
  mlp: { word: 'MLP', find: /\bMLP\b/, meaning: 'the block of a layer that works on each token by itself. Its nodes are neurons.' },
  channel: { word: 'Channel', find: /\bchannels?\b/i, meaning: 'one of the numbers in a list of activations, for example one of the 128 of the residual stream.' },
  residualChannel: { word: 'Residual channel', find: /\bresidual channels?\b/i, meaning: 'one of the numbers of the residual stream. Every layer can read it and add to it.' },
  residual: { word: 'Residual stream', find: /\bresidual stream\b/i, meaning: 'the numbers that run through all layers, at each token. Each block reads them and adds to them.' },
  read: { word: 'Read', find: /\bread(?= of)/i, meaning: 'a channel of the residual stream as a block reads it, after the norm.' },
  write: { word: 'Write', find: /\bwrite(?= to)/i, meaning: 'what a block adds to one channel of the residual stream.' },
  qkv: { word: 'Query, key, value', find: /\b(query|key|value)(?=[ \u00a0](channel|\d))/i, meaning: 'a head compares its query with the key of each earlier token, and copies most of the value where they match best.' },
  neuron: { word: 'Neuron', find: /\bneurons?\b/i, meaning: 'a node of an MLP: a weighted sum of what the block reads, passed through an activation function.' },
  sink: { word: 'Sink', find: /\bsink\b/i, meaning: 'a place outside the text. Attention that goes there looks up nothing.' },
  topk: { word: 'AbsTopK', meaning: 'at each token only the values with the largest magnitudes are kept; the others become 0.' },
  average: { word: 'Average', find: /\baverages?\b/i, meaning: 'the mean of the node over ordinary Python code. A node that is fixed at its average tells nothing about this prompt.' },
  ablation: { word: 'Mean ablation', find: /\bmean ablation\b/i, meaning: 'to fix a node at its average, so that it tells nothing about this prompt. The nodes after it still run.' },
  baseline: { word: 'Baseline', find: /\bbaseline\b/i, meaning: 'the answer when every node is fixed at its average, also the nodes of the circuit.' },
  embedding: { word: 'Embedding', find: /\bembedding\b/i, meaning: 'the row of numbers that stands for a token at the start of the model.' },
  logit: { word: 'Logit', find: /\blogits?\b/i, meaning: 'the score of a token before it becomes a probability.' },
  score: { word: 'Score', meaning: 'one number for the choice between the two. 0 means level; the probability is sigmoid(score).' },
  calibration: { word: 'Calibration', find: /\bcalibration\b/i, meaning: "fits slope and shift once, on training prompts, because fixing the other nodes shifts the logits and makes their difference smaller." },
  spread: { word: 'Spread', meaning: "the standard deviation of the circuit's logit difference on training prompts." },
  slope: { word: 'Slope', meaning: 'how fast the probability changes with the difference. It is fitted on training prompts, and limited to 3.' },
  shift: { word: 'Shift', meaning: "moves the point at which the circuit's two answers are level. It is fitted on training prompts." },
  normScale: { word: 'Norm scale', find: /\bnorm scale\b/i, meaning: 'the residual stream is divided by its overall size before a block reads it, and each channel is multiplied by a gain. This is that factor.' },
  sparse: { word: 'Sparse', find: /\bsparse\b/i, meaning: 'nearly all weights of the model are zero, so that each node is linked to few others.' },
  dense: { word: 'Dense', find: /\bdense\b/i, meaning: 'an ordinary model: nearly all of its weights are used.' },
  signal: { word: 'No signal', meaning: 'an edge whose weight × value is below 4 % of the largest one in the drawing. It is drawn grey.' },
  backend: { word: 'Backend', meaning: 'what computes the numbers in this browser: the processor (cpu) or the graphics card (webgpu).' },
  bridge: { word: 'Bridge', find: /\bbridge\b/i, meaning: 'a pair of linear maps between the activations of the sparse and of the dense model.' },
} as const;

export type TermKey = keyof typeof GLOSSARY;

export const glossary: Readonly<Record<TermKey, { word: string; find?: RegExp; meaning: string }>> = GLOSSARY;
