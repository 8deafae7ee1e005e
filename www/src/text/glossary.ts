/** The glossary: one sentence or two for each word of the field that the page uses. `terms` draws a word with its sentence. */

const GLOSSARY = {
  token: { word: 'Token', meaning: 'a piece of text that the model reads or writes at once. This model knows 1,024 of them.' },
  node: { word: 'Node', meaning: 'one number that the model computes at each token: a neuron, a channel of an attention head, or a read or a write of the residual stream.' },
  circuit: { word: 'Circuit', meaning: 'a small set of nodes that does the task when every other node is fixed at its average.' },
  edge: { word: 'Edge', meaning: 'one nonzero weight between two nodes of the circuit.' },
  counterfactual: { word: 'Counterfactual', meaning: 'the same prompt with one thing changed, so that the other answer is right.' },
  layer: { word: 'Layer', meaning: 'one attention block and one MLP block. The model runs its layers one after the other.' },
  attention: { word: 'Attention', meaning: 'looks up values at earlier tokens and adds them up. An attention head is one such look-up.' },
  mlp: { word: 'MLP', meaning: 'the block of a layer that works on each token by itself. Its nodes are neurons.' },
  channel: { word: 'Channel', meaning: 'one of the numbers in a list of activations, for example one of the 128 of the residual stream.' },
  residual: { word: 'Residual stream', meaning: 'the numbers that run through all layers, at each token. Each block reads them and adds to them.' },
  read: { word: 'Read', meaning: 'a channel of the residual stream as a block reads it, after the norm.' },
  write: { word: 'Write', meaning: 'what a block adds to one channel of the residual stream.' },
  qkv: { word: 'Query, key, value', meaning: 'a head compares its query with the key of each earlier token, and copies most of the value where they match best.' },
  neuron: { word: 'Neuron', meaning: 'a node of an MLP: a weighted sum of what the block reads, passed through an activation function.' },
  sink: { word: 'Sink', meaning: 'a place outside the text. Attention that goes there looks up nothing.' },
  topk: { word: 'AbsTopK', meaning: 'at each token only the values with the largest magnitudes are kept; the others become 0.' },
  average: { word: 'Average', meaning: 'the mean of the node over ordinary Python code. A node that is fixed at its average tells nothing about this prompt.' },
  baseline: { word: 'Baseline', meaning: 'the answer when every node is fixed at its average, also the nodes of the circuit.' },
  embedding: { word: 'Embedding', meaning: 'the row of numbers that stands for a token at the start of the model.' },
  logit: { word: 'Logit', meaning: 'the score of a token before it becomes a probability.' },
  score: { word: 'Score', meaning: 'one number for the choice between the two. 0 means level; the probability is sigmoid(score).' },
  spread: { word: 'Spread', meaning: "the standard deviation of the circuit's logit difference on training prompts." },
  slope: { word: 'Slope', meaning: 'how fast the probability changes with the difference. It is fitted on training prompts.' },
  shift: { word: 'Shift', meaning: "moves the point at which the circuit's two answers are level. It is fitted on training prompts." },
  normScale: { word: 'Norm scale', meaning: 'the residual stream is divided by its overall size before a block reads it, and each channel is multiplied by a gain. This is that factor.' },
  bridge: { word: 'Bridge', meaning: 'a pair of linear maps between the activations of the sparse and of the dense model.' },
} as const;

export type TermKey = keyof typeof GLOSSARY;

export const glossary: Readonly<Record<TermKey, { word: string; meaning: string }>> = GLOSSARY;
