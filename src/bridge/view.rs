//! Computes everything that the page's dense twin shows for a prompt.

use super::hybrid::{Crossing, hybrid};
use super::steer::{SteeringVector, boundary, probabilities, steered_logits, steering_vectors};
use super::{DeviceBridge, ModelPair};
use crate::Result;
use crate::backend::{Backend, Batch};
use crate::model::{LogitsAt, Node};
use serde::{Deserialize, Serialize};

/// A request to the dense twin.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct TwinRequest {
    /// Prompt A as token ids.
    pub a: Vec<u32>,
    /// Prompt B as token ids; `null` where there is no counterfactual.
    pub b: Option<Vec<u32>>,
    /// The sparse channel to steer along.
    pub node: Node,
    /// The strengths of the curve.
    pub strengths: Vec<f32>,
    /// Other channels to try at full strength. Those that do not read the residual stream are skipped.
    pub others: Vec<Node>,
    /// How many random directions of equal norm to try at full strength.
    pub random: usize,
    pub candidates: [u32; 2],
}

/// Probabilities are softmaxes over the two candidates.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TwinView {
    /// Without steering.
    pub before: [f64; 2],
    /// With steering, one entry for each of `strengths`; empty without prompt B.
    pub curve: Vec<[f64; 2]>,
    /// With random directions of equal norm, at full strength.
    pub random: Vec<[f64; 2]>,
    /// With the other channels, at full strength.
    pub others: Vec<OtherChannel>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OtherChannel {
    pub node: Node,
    pub p: [f64; 2],
}

/// Runs the dense model without steering and with every steering of the request.
///
/// # Errors
/// As [`steering_vectors`] and [`steered_logits`].
pub async fn twin_view<B: Backend>(
    backend: &mut B,
    models: ModelPair<'_, B>,
    request: &TwinRequest,
) -> Result<TwinView> {
    let others: Vec<Node> =
        request.others.iter().copied().filter(|&other| other != request.node && boundary(other).is_ok()).collect();
    let mut all = vec![SteeringVector::zero(request.a.len(), models.dense.config.d_model)];
    if let Some(b) = &request.b {
        let nodes: Vec<Node> = std::iter::once(request.node).chain(others.iter().copied()).collect();
        let mut full =
            steering_vectors(backend, models.sparse, models.bridge, [&request.a, b], &nodes).await?.into_iter();
        let vector = full.next().expect("one vector per node");
        all.extend(request.strengths.iter().map(|&strength| vector.scaled(strength)));
        all.extend((0..request.random).map(|seed| vector.random(seed as u64)));
        all.extend(full);
    }
    let logits = steered_logits(backend, models.dense, &request.a, &all, request.candidates).await?;
    let mut p = logits.into_iter().map(probabilities);
    let before = p.next().expect("one result per vector");
    let (curve, random) = match &request.b {
        Some(_) => (p.by_ref().take(request.strengths.len()).collect(), p.by_ref().take(request.random).collect()),
        None => (Vec::new(), Vec::new()),
    };
    let others = others.into_iter().zip(p).map(|(node, p)| OtherChannel { node, p }).collect();
    Ok(TwinView { before, curve, random, others })
}

/// Probabilities of the two candidates: of both models alone, and of the hybrid passes that switch
/// models at each boundary.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct HybridView {
    pub sparse: [f64; 2],
    pub dense: [f64; 2],
    pub sparse_to_dense: Vec<[f64; 2]>,
    pub dense_to_sparse: Vec<[f64; 2]>,
}

/// Runs both models and all hybrid passes on the prompt.
///
/// # Errors
/// The models cannot read the prompt or do not have the candidates, or the device fails.
pub async fn hybrid_view<B: Backend>(
    backend: &mut B,
    models: ModelPair<'_, B>,
    device: &DeviceBridge<B>,
    tokens: &[u32],
    candidates: [u32; 2],
) -> Result<HybridView> {
    let ModelPair { sparse, dense, .. } = models;
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
