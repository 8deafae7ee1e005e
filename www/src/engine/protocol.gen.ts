// Written by `UPDATE_TYPES=1 cargo test --lib protocol` from the structs of the engine. Do not edit.

/** The places in a layer where circuits have nodes, in the order of the forward pass. */
export const SITES = ['attn.act_in', 'attn.q', 'attn.k', 'attn.v', 'attn.resid_delta', 'mlp.act_in', 'mlp.post_act', 'mlp.resid_delta'] as const;

export type SiteName = (typeof SITES)[number];

/**
 * One channel at a hook, written `HOOK.INDEX` with the flat index: `0.mlp.post_act.863`.
 */
export type NodeId = string;

/**
 * A node, or the raw logit of the first (0) or second (1) candidate. Written as the node, `logit.0` or `logit.1`.
 */
export type Target = NodeId | 'logit.0' | 'logit.1';

/**
 * A direct path from a node to a node or logit that reads it, written `FROM:TO`: `0.mlp.act_in.5:0.mlp.post_act.863`. There are two
 * kinds: a weight between two sites of a layer, and the residual stream from a write to a later read or a logit.
 */
export type EdgeId = `${string}:${string}`;

/**
 * Which part of the model runs.
 */
export type Mode = "full" | "circuit" | "removed";

/**
 * The changes of a run. The edits of a node apply in this order, each to the result of the one before: the mode's ablation, flip
 * and patch (values of prompt B), scale, set, off.
 */
export type Edits = { mode: Mode, 
/**
 * Nodes set to their mean over the training text.
 */
off: Array<NodeId>, 
/**
 * Nodes held at a value, at every token.
 */
set: Record<NodeId, number>, 
/**
 * Nodes multiplied by a factor.
 */
scale: Record<NodeId, number>, 
/**
 * Nodes that take their values from prompt B, token by token from the end.
 */
patch: Array<NodeId>, 
/**
 * Whether the circuit's flip nodes take their values from prompt B.
 */
flip: boolean, 
/**
 * Edges that are switched off: their target reads the mean of their source, as the source is after the edits above.
 */
offEdges: Array<EdgeId>, };

/**
 * A request to the engine.
 */
export type ViewRequest = { task: string, 
/**
 * Prompt A as token ids.
 */
a: Array<number>, 
/**
 * Prompt B as token ids; `null` where there is no counterfactual.
 */
b: Array<number> | null, edits: Edits, 
/**
 * The node or logit whose details are wanted.
 */
target: Target | null, 
/**
 * The token of A at which everything is read. `null`: each node at the token where it matters.
 */
token: number | null, 
/**
 * Layer and head of the attention pattern that is wanted.
 */
head: [number, number] | null, };

/**
 * The engine's answer. Tables are flat, row after row, with one column for each token of prompt A.
 */
export type View = { 
/**
 * Softmax over the two candidates; in circuit mode with the circuit's scale and shift.
 */
p: [number, number], 
/**
 * `p[0] = sigmoid(score)`. In circuit mode `scale * (logits[0] - logits[1]) / std + shift`, else the difference of the logits.
 */
score: number, 
/**
 * Raw logits of the two candidates.
 */
logits: [number, number], 
/**
 * The same prompt and mode without edits; `null` where the request has none.
 */
untouched: Reference | null, 
/**
 * The full model without edits.
 */
full: Reference, 
/**
 * In circuit mode: the probabilities with every node at its mean, the circuit's too. `null` in the other modes.
 */
baseline: [number, number] | null, 
/**
 * The likeliest tokens of the whole vocabulary: in full mode of this run, in the other modes of the full model without edits.
 */
top: Array<TopToken>, 
/**
 * Probabilities of the two candidates in the whole vocabulary, of the same run as `top`.
 */
pFull: [number, number], 
/**
 * Tokens of prompt A, the columns of every table.
 */
tokens: number, 
/**
 * The token that the request names, else the one at which A differs from B. The embedding is read here.
 */
marked: number, 
/**
 * `[nodes, tokens]`: the value of each circuit node (order of `CircuitInfo.nodes`) after edits.
 */
activations: Float32Array, 
/**
 * For each circuit node, the token at which it is read.
 */
readAt: Array<number>, 
/**
 * For each circuit node, its value as it enters an edge at that token. A value channel enters mixed over the tokens by its head's
 * attention; `null` where the pattern of that token is not known.
 */
passedOn: Array<number | null>, 
/**
 * For each circuit node, what an edge from it that is off passes on instead: the mean, mixed as in `passedOn`. Empty where no edge
 * is off.
 */
passedOff?: Array<number | null>, 
/**
 * `[lanes, tokens]`: what the embedding writes to the channel of each lane (order of `CircuitInfo.lanes`).
 */
embedding: Float32Array, 
/**
 * The heads that the circuit's q, k and v nodes belong to.
 */
heads: Array<Head>, 
/**
 * `[heads, tokens]`: attention of each of `heads` from the last token.
 */
attention: Float32Array, 
/**
 * `[tokens, tokens]`: attention of the head that the request names, one row per query, one column per key.
 */
pattern: Float32Array | null, 
/**
 * Of the node or logit that the request names.
 */
detail: NodeDetail | null, 
/**
 * Time of the run in milliseconds. Measured by the caller; 0 from the engine.
 */
ms: number, };

/**
 * What a view is compared with.
 */
export type Reference = { 
/**
 * As `View.p`.
 */
p: [number, number], 
/**
 * For each circuit node, its value at the token at which the view reads it.
 */
values: Array<number>, };

/**
 * One of the likeliest next tokens. The engine knows ids only; `text` is filled in by a caller that knows the vocabulary.
 */
export type TopToken = { id: number, text: string, p: number, };

/**
 * An attention head, and the weight of its sink from the last token.
 */
export type Head = { layer: number, head: number, sink: number, };

/**
 * A node at one token: its value, the sum that it comes from, and what it adds to others. Of a logit: the raw logit after the last
 * token and the sum that it comes from; `values`, `notes` and `outgoing` are empty.
 */
export type NodeDetail = { target: Target, token: number, 
/**
 * After edits.
 */
value: number, 
/**
 * `null` where the model's file has no mean for this hook.
 */
mean: number | null, 
/**
 * Its value at each token, after edits.
 */
values: Float32Array, 
/**
 * Its value before any change at this node (mode and edits).
 */
computed: number, 
/**
 * Terms from circuit nodes first, then the ten largest of the rest, then one bundle of all others.
 */
incoming: Array<Term>, bias: number, 
/**
 * All of `incoming` + `bias`.
 */
sum: number, 
/**
 * How `sum` becomes `computed`, in this order. Empty: it is the sum.
 */
notes: Array<ValueNote>, 
/**
 * What it adds to each: circuit nodes first, then the ten largest of the rest.
 */
outgoing: Array<Term>, 
/**
 * Of a q, k or v node.
 */
attention: ChannelAttention | null, };

/**
 * One term of a sum: `contribution = weight * scale * activation`. A term that bundles several numbers has the weight 0 and the
 * activation 0, and only its contribution is known: [`TermSource::Others`], and what the embedding adds to a logit.
 */
export type Term = { source: TermSource, 
/**
 * As stored in the model and as `CircuitInfo.edges` has it; 1 where a block reads the residual stream. To a logit: the unembedding
 * weight with the final norm's gain folded in, as in `ResidualLane.toLogits`.
 */
weight: number, 
/**
 * The factor of the norm that the value passes, `gain / rms` (to a logit: `1 / rms`); `null` if no norm is between them.
 */
scale: number | null, activation: number, contribution: number, 
/**
 * Of a value that attention mixes over the tokens.
 */
mixed: Mixed | null, 
/**
 * Whether the edge is off. The activation is then made from the mean of its source.
 */
off?: boolean, };

/**
 * A value at one token, and the attention with which a query looks at it. An incoming term's activation is the sum of
 * `value * attention` over all tokens, and `token` is the one that its query looks at most. An outgoing term's activation is
 * `value * attention` of this token alone.
 */
export type Mixed = { token: number, value: number, attention: number, };

/**
 * Where a term of a sum comes from or, for outgoing terms, where it goes.
 */
export type TermSource = { "kind": "node", node: NodeId, } | { "kind": "embedding" } | { "kind": "position" } | { "kind": "mean" } | { "kind": "streamChange" } | { "kind": "token", token: number, } | { "kind": "bigram" } | { "kind": "others", count: number, } | { "kind": "logit", candidate: number, };

/**
 * A step from a node's sum to its value.
 */
export type ValueNote = { "kind": "relu" } | { "kind": "reluZero" } | { "kind": "gelu" } | { "kind": "kept", k: number, } | { "kind": "dropped", k: number, };

/**
 * Attention of a node's head from the last token.
 */
export type ChannelAttention = { head: number, 
/**
 * One weight per token.
 */
weights: Float32Array, sink: number, 
/**
 * Of a q or k node: this channel's `q k / sqrt(d_head)` at each token.
 */
channelScore: Float32Array | null, };

/**
 * A flip of prompt A with other prompts than prompt B.
 */
export type FlipControlRequest = { task: string, 
/**
 * Prompt A as token ids.
 */
a: Array<number>, 
/**
 * Prompts as token ids. The flip nodes take their values from each of them, token by token from the end.
 */
donors: Array<Array<number>>, mode: Mode, };

export type FlipControl = { 
/**
 * As `View.p`, for each donor.
 */
p: Array<[number, number]>, };

/**
 * What a task's rule says of a text.
 */
export type Ruling = { 
/**
 * The counterfactual prompt.
 */
b: string | null, 
/**
 * Where `b` is null: why.
 */
reason: Reason | null, 
/**
 * The candidate that is right after the text; null where the rule cannot tell.
 */
answer: 0 | 1 | null, 
/**
 * The candidates, where the text has its own.
 */
candidates?: [string, string], };

/**
 * Why a text has no counterfactual prompt.
 */
export type Reason = { "kind": "noString" } | { "kind": "tripleQuotes" } | { "kind": "holdsQuote", quote: string, } | { "kind": "noList" } | { "kind": "noBracket" } | { "kind": "inString" } | { "kind": "inComment" } | { "kind": "notName" } | { "kind": "notVariable" } | { "kind": "otherLine" } | { "kind": "noClue" } | { "kind": "noValue", variable: string, } | { "kind": "notPython" } | { "kind": "otherNotRight" } | { "kind": "cut" };

/**
 * Sizes of a model.
 */
export type ModelInfo = { layers: number, 
/**
 * Channels of the residual stream.
 */
width: number, 
/**
 * Nonzero weights, without the bigram table.
 */
nonzeros: number, contextLength: number, vocabSize: number, 
/**
 * Channels at `attn.q`, `.k` and `.v`: heads times head width.
 */
attnWidth: number, 
/**
 * Channels of one head.
 */
headWidth: number, 
/**
 * Channels at `mlp.post_act`.
 */
mlpWidth: number, };

/**
 * A circuit as the page draws it. Measured numbers are `null` in a circuit that has not been evaluated.
 */
export type CircuitInfo = { 
/**
 * In the order of the forward pass.
 */
nodes: Array<NodeInfo>, edges: Array<Edge>, lanes: Array<ResidualLane>, flipNodes: Array<NodeId>, flipRate: FlipRate, 
/**
 * Logit calibration: `p = sigmoid(scale * (l0 - l1) / std + shift)`, where `l0` and `l1` are the raw logits of the two candidates.
 */
scale: number, shift: number, 
/**
 * Standard deviation of the logit difference over the pairs that the calibration was fitted to.
 */
std: number, 
/**
 * On test pairs, as are the four below.
 */
loss: number | null, accuracy: number | null, unprunedLoss: number | null, unprunedAccuracy: number | null, removedAccuracy: number | null, handwritten: HandwrittenAccuracy | null, };

/**
 * A node of a circuit.
 */
export type NodeInfo = { node: NodeId, layer: number, site: SiteName, index: number, 
/**
 * Of a q, k or v node.
 */
head?: number, 
/**
 * Within its head.
 */
channel?: number, 
/**
 * What the circuit file says about the node.
 */
label?: Label, mean: number, };

/**
 * A nonzero weight between two nodes of a circuit.
 */
export type Edge = { from: NodeId, to: NodeId, weight: number, };

/**
 * A residual channel that a circuit uses: who writes it and who reads it, each in the order of the forward pass.
 */
export type ResidualLane = { channel: number, writes: Array<NodeId>, reads: Array<NodeId>, 
/**
 * The unembedding weights of the two candidates at this channel, multiplied by the gain of the final norm.
 */
toLogits: [number, number], };

/**
 * Share of test pairs whose answer a flip reverses, 0 to 1.
 */
export type FlipRate = { circuit: number | null, full: number | null, };

/**
 * Share of right answers on a task's hand-written prompts, 0 to 1.
 */
export type HandwrittenAccuracy = { full: number, circuit: number, };

export type Label = { "kind": "name", text: string, } | { "kind": "words", text: string, } | { "kind": "measured" } & Behaviour;

/**
 * What a node does on the task's prompts in circuit mode. Where nothing is set, no token and no answer explains its values.
 */
export type Behaviour = { 
/**
 * The value that it has, or nearly, at every token of every prompt.
 */
steady?: number, 
/**
 * When it departs most from its usual value.
 */
moment?: Moment, 
/**
 * With which prompt of a pair it is higher.
 */
contrast?: NodeContrast, };

/**
 * When a node departs from its usual value. Tokens are texts.
 */
export type Moment = { "kind": "at", level: Level, tokens: Array<string>, } | { "kind": "from", level: Level, token: string, } | { "kind": "leans", higher: string | null, lower: string | null, };

export type Level = "high" | "low";

/**
 * With which of a pair's two prompts a node is higher.
 */
export type NodeContrast = { "kind": "tokens", higher: string, lower: string, } | { "kind": "answer", text: string, };

/**
 * A request to the dense twin.
 */
export type TwinRequest = { 
/**
 * Prompt A as token ids.
 */
a: Array<number>, 
/**
 * Prompt B as token ids; `null` where there is no counterfactual.
 */
b: Array<number> | null, 
/**
 * The sparse channel to steer along.
 */
node: NodeId, 
/**
 * The strengths of the curve.
 */
strengths: Array<number>, 
/**
 * Other channels to try at full strength. Those that do not read the residual stream are skipped.
 */
others: Array<NodeId>, 
/**
 * How many random directions of equal norm to try at full strength.
 */
random: number, candidates: [number, number], };

/**
 * Probabilities are softmaxes over the two candidates.
 */
export type TwinView = { 
/**
 * Without steering.
 */
before: [number, number], 
/**
 * With steering, one entry for each of `strengths`; empty without prompt B.
 */
curve: Array<[number, number]>, 
/**
 * With random directions of equal norm, at full strength.
 */
random: Array<[number, number]>, 
/**
 * With the other channels, at full strength.
 */
others: Array<OtherChannel>, };

export type OtherChannel = { node: NodeId, p: [number, number], };

/**
 * Probabilities of the two candidates: of both models alone, and of the hybrid passes that switch
 * models at each boundary.
 */
export type HybridView = { sparse: [number, number], dense: [number, number], sparseToDense: Array<[number, number]>, denseToSparse: Array<[number, number]>, };
