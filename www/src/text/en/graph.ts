/** The texts of the drawing: names of nodes, labels, legend, the token stepper and the list. */
import type { SiteName } from '../../engine/protocol';
import { decimalsFor, factor, NBSP, plain, showToken, signed, wholePercent } from '../format';
import type { RichText } from '../rich-text';
import { blockName } from './common';

/** Names of nodes and of their places. */
export const nodes = {
  kinds: {
    'attn.act_in': 'read', 'attn.q': 'query', 'attn.k': 'key', 'attn.v': 'value', 'attn.resid_delta': 'write',
    'mlp.act_in': 'read', 'mlp.post_act': 'neuron', 'mlp.resid_delta': 'write',
  } satisfies Record<SiteName, string>,
  /** Short names: a channel of the residual stream, a channel of a head, a neuron. */
  ofHead: (kind: string, head: number, channel: number) => `${kind}${NBSP}${head}.${channel}`,
  plain: (kind: string, index: number) => `${kind}${NBSP}${index}`,
  /** The same with the layer, and with the block where a layer has two nodes of that name. */
  placed: (layer: number, block: string | null, name: string) => `L${layer}${NBSP}${block === null ? '' : `${block}${NBSP}`}${name}`,
  mlp: 'MLP',
  logit: (candidate: string) => `logit of ${candidate}`,
  /** Long ones. */
  read: (channel: number) => `read of channel ${channel}`,
  write: (channel: number) => `write to channel ${channel}`,
  inLayer: (layer: number, name: string) => `layer ${layer}'s ${name}`,
  /** Places. */
  inStream: (layer: number, site: string) => `residual stream, layer ${layer} ${blockName(site)}`,
  channelOfHead: (kind: string, channel: number, head: number, layer: number, site: string) =>
    `${kind} channel ${channel} of head ${head}, layer ${layer} ${blockName(site)}`,
  inBlock: (kind: string, layer: number, site: string) => `${kind}, layer ${layer} ${blockName(site)}`,
};

/** The disc on a changed node. */
export const badges = {
  off: 'off: fixed at its average',
  offSign: 'off',
  set: (value: number) => `set to ${value}`,
  scaled: (factor: number) => `scaled by ${factor}`,
  patched: 'value from the counterfactual prompt',
};

export const graph = {
  label: (nodes: number, edges: number) =>
    `Circuit of ${nodes} nodes and ${edges} edges. Arrow keys go from node to node, Enter opens one. The list has the same content.`,
  channel: (channel: number) => `ch ${channel}`,
  channelHint: (channel: number) => `residual channel ${channel}`,
  layer: (layer: number) => `Layer ${layer}`,
  layerShort: (layer: number) => `L${layer}`,
  mlp: 'MLP',
  attentionShort: 'attn',
  attention: 'attention',
  attentionHead: (head: number) => `attention, head ${head}`,
  embedding: 'Embedding',
  logits: 'Logits',
  token: (token: number, last: boolean) => `token ${token + 1}${last ? ', last' : ''}`,
  apart: (score: number) => `${signed(Math.abs(score)).slice(1)} apart`,
  openEnd: (words: string) => `${words}: show what it is made of`,
  openScore: (score: number) => `Score ${signed(score)}: show how the bar comes about`,
  openHead: (layer: number, head: number) => `Layer ${layer}, head ${head}: show the whole attention pattern`,
  /** Under the drawing: the tokens at which nodes are read. */
  readAt: (tokens: number[]) => `at token${tokens.length === 1 ? '' : 's'} ${tokens.map((token) => token + 1).join(' and ')}`,
  readAtShort: (tokens: number[]) => tokens.map((token) => token + 1).join(', '),
  isLast: ', the last',
  weight: (weight: number) => `weight ${signed(weight)}`,
  embedded: (value: number) => `embedding ${signed(value)}`,
  edge: (from: string, to: string, off: boolean) => `${from} → ${to}${off ? ', off' : ''}`,
  product: (weight: number, value: number) => `${factor(weight)} × ${factor(value)} = ${signed(weight * value, decimalsFor([weight * value]))}`,
  node: (name: string, node: string, value: number, token: number, badge: string | null) =>
    `${name}, ${node}, ${signed(value)} at token ${token + 1}${badge === null ? '' : `, ${badge}`}`,
  nodeHint: (name: string, doing: string, node: string) => `${name}${doing ? `: ${doing}` : ''}, ${node}`,
  group: (nodes: number, hook: string, active: number) =>
    `${nodes} more nodes of ${hook}, ${active === 0 ? 'inactive here' : `${active} of them active here`}: show them`,
  more: (nodes: number) => `+${nodes}`,
  head: (head: number, tokens: { token: string; weight: number }[], sink: number | null) =>
    [
      `Head ${head}: attention from the last token`,
      tokens.map(({ token, weight }) => `${showToken(token)} ${(100 * weight).toFixed(1)} %`).join('\n'),
      ...(sink === null ? [] : [`sink (no token) ${(100 * sink).toFixed(1)} %`]),
    ].join('\n'),
  /** Followed by the token. */
  peak: (weight: number) => `${wholePercent(weight)} on `,
};

/** Under the drawing, after the note of the mode: how often the circuit alone is right, or the model without it. */
export const reliability = {
  removed: (removed: number, full: number): RichText => ['Right on ', { strong: wholePercent(removed) }, ` of test prompts (full model: ${wholePercent(full)}, guessing: 50${NBSP}%).`],
  test: (circuit: number, full: number): RichText => ['Right on ', { strong: wholePercent(circuit) }, ` of test prompts (full model: ${wholePercent(full)}).`],
  both: (circuit: number, full: number, written: { circuit: number; full: number }): RichText => [
    'Right on ', { strong: wholePercent(circuit) }, ' of test prompts, ', { strong: wholePercent(written.circuit) },
    ` of hand-written ones (full model: ${wholePercent(full)}, ${wholePercent(written.full)}).`,
  ],
};

export const legend = {
  positive: 'positive weight',
  negative: 'negative weight',
  noSignal: 'no signal',
  under: (threshold: number) => (threshold > 0 ? `(under ${plain(threshold, threshold < 0.01 ? 3 : 2)})` : ''),
  width: 'width: |weight|',
  above: 'value > 0',
  below: 'value < 0',
  patched: 'from the counterfactual',
  off: 'at average',
  set: 'set',
  scaled: 'scaled',
  edgeOff: 'edge off',
  before: 'before',
};

/** The token at which the drawing is read. */
export const stepper = {
  label: 'Token at which the drawing is read',
  token: 'token',
  of: (tokens: number) => `of ${tokens}`,
  previous: 'Previous token',
  next: 'Next token',
  last: 'Last',
  reset: 'Default',
  resetHint: 'Show each node at the token where it matters',
};

export const list = {
  label: 'Nodes of the circuit by layer',
  layer: (layer: number) => `Layer ${layer}`,
  /** What the nodes under a heading are. Followed by the name of their hook. */
  sites: {
    'attn.act_in': [{ term: 'read', words: 'reads' }, ' of the attention'],
    'attn.q': [{ term: 'qkv', words: 'queries' }],
    'attn.k': [{ term: 'qkv', words: 'keys' }],
    'attn.v': [{ term: 'qkv', words: 'values' }],
    'attn.resid_delta': [{ term: 'write', words: 'writes' }, ' of the attention'],
    'mlp.act_in': [{ term: 'read', words: 'reads' }, ' of the MLP'],
    'mlp.post_act': [{ term: 'neuron', words: 'neurons' }],
    'mlp.resid_delta': [{ term: 'write', words: 'writes' }, ' of the MLP'],
  } satisfies Record<SiteName, RichText>,
  to: (name: string) => `to ${name}`,
  edgeOff: 'edge off',
  at: 'at',
};
