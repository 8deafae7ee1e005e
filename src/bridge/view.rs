//! Everything that the page's dense twin shows for a prompt, in one call.

use super::DeviceBridge;
use super::hybrid::{Crossing, hybrid};
use super::score::Twins;
use super::steer::{Push, boundary, probabilities, pushed, pushes};
use crate::Result;
use crate::backend::{Backend, Batch};
use crate::model::{LogitsAt, Node};
use serde::Serialize;

/// What is asked of the twin.
#[derive(Clone, Debug)]
pub struct TwinAsk<'a> {
    /// Prompt A, and its counterfactual where there is one.
    pub a: &'a [u32],
    pub b: Option<&'a [u32]>,
    /// The channel to steer by.
    pub node: Node,
    /// The strengths of the curve.
    pub strengths: &'a [f32],
    /// Other channels to be tried at full strength, for comparison; those that are no reads are passed over.
    pub others: &'a [Node],
    /// Random directions of equal norm, at full strength.
    pub random: usize,
    pub candidates: [u32; 2],
}

/// Probabilities are softmaxes over the two candidates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TwinView {
    /// The dense model by itself.
    pub before: [f64; 2],
    /// Under steering, by strength; empty without a counterfactual.
    pub curve: Vec<[f64; 2]>,
    pub random: Vec<[f64; 2]>,
    pub others: Vec<OtherChannel>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OtherChannel {
    pub node: Node,
    pub p: [f64; 2],
}

/// Steers the dense model in every way asked for.
///
/// # Errors
/// What [`pushes`] and [`pushed`] refuse.
pub async fn twin_view<B: Backend>(backend: &mut B, twins: Twins<'_, B>, ask: &TwinAsk<'_>) -> Result<TwinView> {
    let others: Vec<Node> =
        ask.others.iter().copied().filter(|&other| other != ask.node && boundary(other).is_ok()).collect();
    let nothing = Push { boundary: 0, delta: vec![0.0; ask.a.len()], direction: vec![0.0; twins.dense.config.d_model] };
    let mut all = vec![nothing];
    if let Some(b) = ask.b {
        let nodes: Vec<Node> = std::iter::once(ask.node).chain(others.iter().copied()).collect();
        let mut full = pushes(backend, twins.sparse, twins.bridge, [ask.a, b], &nodes).await?.into_iter();
        let push = full.next().expect("one push a node");
        all.extend(ask.strengths.iter().map(|&strength| push.scaled(strength)));
        all.extend((0..ask.random).map(|seed| push.random(seed as u64)));
        all.extend(full);
    }
    let logits = pushed(backend, twins.dense, ask.a, &all, ask.candidates).await?;
    let mut p = logits.into_iter().map(probabilities);
    let before = p.next().expect("the model by itself");
    let (curve, random) = match ask.b {
        Some(_) => (p.by_ref().take(ask.strengths.len()).collect(), p.by_ref().take(ask.random).collect()),
        None => (Vec::new(), Vec::new()),
    };
    let others = others.into_iter().zip(p).map(|(node, p)| OtherChannel { node, p }).collect();
    Ok(TwinView { before, curve, random, others })
}

/// P of the two candidates after passes that switch at each boundary, and of both models by themselves.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HybridView {
    pub sparse: [f64; 2],
    pub dense: [f64; 2],
    pub sparse_to_dense: Vec<[f64; 2]>,
    pub dense_to_sparse: Vec<[f64; 2]>,
}

/// Runs the prompt through every hybrid pass.
///
/// # Errors
/// A prompt or candidates that the models cannot take; a device that fails.
pub async fn hybrid_view<B: Backend>(
    backend: &mut B,
    twins: Twins<'_, B>,
    device: &DeviceBridge<B>,
    tokens: &[u32],
    candidates: [u32; 2],
) -> Result<HybridView> {
    let Twins { sparse, dense, .. } = twins;
    sparse.check_tokens("the prompt", tokens)?;
    dense.check_tokens("the prompt", tokens)?;
    let batch = Batch::new(&[tokens]);
    let mut logits = Vec::new();
    for model in [sparse, dense] {
        logits.push(crate::model::forward(backend, model, &batch, LogitsAt::Last, &mut ())?);
    }
    for crossing in [Crossing::SparseToDense, Crossing::DenseToSparse] {
        for at in 0..device.sites.len() {
            logits.push(hybrid(backend, sparse, dense, device, crossing, at, &batch, LogitsAt::Last)?);
        }
    }
    let read = backend.read_all(&logits.iter().collect::<Vec<_>>()).await?;
    logits.into_iter().for_each(|tensor| backend.recycle(tensor));
    let p: Vec<[f64; 2]> =
        read.iter().map(|logits| probabilities(candidates.map(|id| logits.get(0, id as usize)))).collect();
    let (sparse_to_dense, dense_to_sparse) = p[2..].split_at(device.sites.len());
    Ok(HybridView {
        sparse: p[0],
        dense: p[1],
        sparse_to_dense: sparse_to_dense.into(),
        dense_to_sparse: dense_to_sparse.into(),
    })
}
