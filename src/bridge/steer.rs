//! Steering: takes the change of a sparse channel's read from a prompt to its counterfactual, maps
//! it over the bridge, and adds it to the read of the same sublayer of the dense model (Gao et al.
//! 2025, 3.3, A.4).
//!
//! The paper does not fix the exact form. Here, the dense read (after the norm; norm gains are
//! folded into the next matrix) changes at token t by `strength * delta[t] * rms_ratio * decoder
//! column`. `delta` is the change of the sparse read. `rms_ratio` is
//! [`BridgeSite::rms_ratio`](super::BridgeSite::rms_ratio). The decoder column is the channel's
//! column of W_g. Prompts of different lengths are aligned at their last tokens.

use super::Bridge;
use crate::backend::{Backend, Batch};
use crate::circuit::{align, record};
use crate::model::{Hook, Hooks, LogitsAt, Model, Node, Site, forward_from, forward_with_trace};
use crate::random::Rng;
use crate::tensor::Activations;
use crate::{Result, bail};

/// The boundary whose stream a node reads.
///
/// # Errors
/// For nodes other than a sublayer's reads (`attn.act_in`, `mlp.act_in`).
pub fn boundary(node: Node) -> Result<usize> {
    match node.hook {
        Hook::At { layer, site: Site::AttnActIn } => Ok(2 * layer),
        Hook::At { layer, site: Site::MlpActIn } => Ok(2 * layer + 1),
        _ => bail!("{node} does not read the residual stream; steering takes attn.act_in and mlp.act_in channels"),
    }
}

/// A change of the read of one sublayer of the dense model: `delta[t] * direction` at token t.
#[derive(Clone, Debug, PartialEq)]
pub struct SteeringVector {
    pub boundary: usize,
    /// One number for each token of the prompt.
    pub delta: Vec<f32>,
    /// One number for each channel of the dense model's residual stream.
    pub direction: Vec<f32>,
}

impl SteeringVector {
    /// A vector of zeros: no steering. `tokens` is the length of the prompt, `channels` the width
    /// of the dense model.
    pub fn zero(tokens: usize, channels: usize) -> SteeringVector {
        SteeringVector { boundary: 0, delta: vec![0.0; tokens], direction: vec![0.0; channels] }
    }

    /// This vector multiplied by `strength`.
    pub fn scaled(&self, strength: f32) -> SteeringVector {
        SteeringVector { direction: self.direction.iter().map(|v| v * strength).collect(), ..self.clone() }
    }

    /// The same `delta` along a random direction of equal norm. Equal seeds give equal directions.
    pub fn random(&self, seed: u64) -> SteeringVector {
        let mut random = Rng::new(seed);
        // the directions of Gaussian vectors are uniform on the sphere
        let direction: Vec<f64> = (0..self.direction.len()).map(|_| random.normal()).collect();
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
        let factor = norm(&mut self.direction.iter().map(|&v| v as f64)) / norm(&mut direction.iter().copied());
        SteeringVector { direction: direction.into_iter().map(|v| (v * factor) as f32).collect(), ..self.clone() }
    }
}

/// The reads of `nodes` in the sparse model: `[node][token]`.
async fn reads<B: Backend>(
    backend: &mut B,
    sparse: &Model<B>,
    tokens: &[u32],
    nodes: &[Node],
) -> Result<Vec<Vec<f32>>> {
    let hooks = nodes.iter().map(|node| node.hook).collect();
    let by_hook = record(backend, sparse, &Batch::new(&[tokens]), (), &hooks).await?;
    let of_node = |node: &Node| (0..tokens.len()).map(|token| by_hook[&node.hook].get(token, node.index)).collect();
    Ok(nodes.iter().map(of_node).collect())
}

/// The steering vector of each node at full strength: what the node reads in prompt B (the counterfactual) minus what it reads in
/// prompt A, times the node's direction in the dense model.
///
/// # Errors
/// Nodes that do not read the residual stream or that the model does not have; prompts that are empty, too long or of unknown tokens.
pub async fn steering_vectors<B: Backend>(
    backend: &mut B,
    sparse: &Model<B>,
    bridge: &Bridge,
    [a, b]: [&[u32]; 2],
    nodes: &[Node],
) -> Result<Vec<SteeringVector>> {
    for (what, tokens) in [("the prompt", a), ("the counterfactual", b)] {
        sparse.check_tokens(what, tokens)?;
    }
    for node in nodes {
        boundary(*node)?;
        node.check(&sparse.config)?;
    }
    let in_a = reads(backend, sparse, a, nodes).await?;
    let in_b = reads(backend, sparse, b, nodes).await?;
    nodes
        .iter()
        .zip(in_a.iter().zip(&in_b))
        .map(|(node, (in_a, in_b))| {
            let boundary = boundary(*node)?;
            let mut delta = vec![0.0; a.len()];
            for (from, to) in align(b.len(), a.len()) {
                delta[to as usize] = in_b[from as usize] - in_a[to as usize];
            }
            let site = &bridge.sites[boundary];
            let rows = site.decoder.weight.rows();
            let direction = (0..rows).map(|row| site.decoder.weight.get(row, node.index) * site.rms_ratio).collect();
            Ok(SteeringVector { boundary, delta, direction })
        })
        .collect()
}

/// Tokens of a batch of copies of one prompt: enough to fill the kernels, few enough to stay in the
/// caches.
const BATCH_TOKENS: usize = 512;

/// The dense model's logits of the two candidates at the last token, one pair for each steering
/// vector.
///
/// # Errors
/// A prompt that the model cannot take, candidates beyond the vocabulary, or a device that fails.
pub async fn steered_logits<B: Backend>(
    backend: &mut B,
    dense: &Model<B>,
    tokens: &[u32],
    vectors: &[SteeringVector],
    candidates: [u32; 2],
) -> Result<Vec<[f32; 2]>> {
    dense.check_tokens("the prompt", tokens)?;
    dense.check_candidates(candidates)?;
    let alone = Batch::new(&[tokens]);
    let (logits, trace) = forward_with_trace(backend, dense, &alone, LogitsAt::Last, &mut ())?;
    backend.recycle(logits);
    let padded = alone.tokens().len();
    let widest = dense.config.vocab_size.max(dense.config.d_mlp);
    let copies = (BATCH_TOKENS.min(backend.max_tokens(widest)) / padded).max(1);

    let mut results = vec![[0.0; 2]; vectors.len()];
    let mut order: Vec<usize> = (0..vectors.len()).collect();
    order.sort_by_key(|&i| vectors[i].boundary);
    for same_boundary in order.chunk_by(|&i, &j| vectors[i].boundary == vectors[j].boundary) {
        for group in same_boundary.chunks(copies) {
            let at = vectors[group[0]].boundary;
            let batch = Batch::new(&vec![tokens; group.len()]);
            let columns: Vec<u32> = (0..group.len()).flat_map(|_| 0..padded as u32).collect();
            let mut resid = backend.tensor(dense.config.d_model, columns.len());
            backend.select(trace.resid(at), &columns, &mut resid);
            let mut change = Activations::zeros(dense.config.d_model, columns.len());
            for (span, &i) in batch.spans().iter().zip(group) {
                for (token, &delta) in vectors[i].delta.iter().enumerate().filter(|(_, delta)| **delta != 0.0) {
                    for (channel, &direction) in vectors[i].direction.iter().enumerate() {
                        change.set(span.start + token, channel, delta * direction);
                    }
                }
            }
            let mut add = AddToRead { hook: read_hook(at), change: backend.upload(&change) };
            let (logits, passed) = forward_from(backend, dense, &batch, at, resid, LogitsAt::Last, &mut add)?;
            passed.recycle(backend);
            backend.recycle(add.change);
            let read = backend.read(&logits).await?;
            backend.recycle(logits);
            for (column, &i) in group.iter().enumerate() {
                results[i] = candidates.map(|id| read.get(column, id as usize));
            }
        }
    }
    trace.recycle(backend);
    if results.iter().flatten().any(|logit| !logit.is_finite()) {
        bail!("this steering produces non-finite logits in the dense model; try a smaller strength");
    }
    Ok(results)
}

fn read_hook(boundary: usize) -> Hook {
    Hook::at(boundary / 2, if boundary % 2 == 0 { Site::AttnActIn } else { Site::MlpActIn })
}

/// Adds a change to what a sublayer reads.
struct AddToRead<B: Backend> {
    hook: Hook,
    change: B::Tensor,
}

impl<B: Backend> Hooks<B> for AddToRead<B> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if hook == self.hook {
            backend.add(&self.change, x);
        }
        Ok(())
    }
}

/// The softmax over two candidates' logits.
pub fn probabilities([first, second]: [f32; 2]) -> [f64; 2] {
    let p = 1.0 / (1.0 + (second as f64 - first as f64).exp());
    [p, 1.0 - p]
}
