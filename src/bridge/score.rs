//! Scores of steering over a task's pairs, and the choice of a task's channel.

use super::ModelPair;
use super::steer::{SteeringVector, boundary, probabilities, steered_logits, steering_vectors};
use crate::Result;
use crate::backend::Backend;
use crate::model::Node;
use serde::Serialize;

/// Train pairs on which a task's channel is chosen.
pub const CHOOSING_PAIRS: usize = 64;
/// The smallest median change of P(other) with which the bridge file names a channel. A smaller one
/// is not visible on the page.
pub const MIN_DELTA_P: f64 = 0.05;

/// The effect of full-strength steering on the dense model, over a set of prompts. P(other) is the
/// softmax over the two candidates.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SteerScore {
    pub prompts: usize,
    /// Median P(other) without and with steering.
    pub before: f64,
    pub after: f64,
    /// Median change of P(other) by steering.
    pub delta_p: f64,
    /// The 95th percentile of that change under random directions of equal norm.
    pub random_delta_p: f64,
    /// The fraction of prompts with P(other) of at least 0.5 with steering.
    pub reversed: f64,
}

/// A channel's scores: prompts A steered towards the answer of B (`forth`), prompts B towards the
/// answer of A (`back`), and both together.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ChannelScore {
    pub forth: SteerScore,
    pub back: SteerScore,
    pub both: SteerScore,
}

/// The quantile `share` of `values` (nearest rank); 0 if there are none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        len => values[((share * len as f64).ceil() as usize).clamp(1, len) - 1],
    }
}

/// P(other) of one prompt: without steering, with steering, and with each random direction.
struct PromptProbabilities {
    before: f64,
    after: f64,
    random: Vec<f64>,
}

fn score(prompts: &[&PromptProbabilities]) -> SteerScore {
    let median =
        |f: fn(&PromptProbabilities) -> f64| quantile(&mut prompts.iter().map(|o| f(o)).collect::<Vec<_>>(), 0.5);
    let mut random: Vec<f64> = prompts.iter().flat_map(|o| o.random.iter().map(|p| p - o.before)).collect();
    SteerScore {
        prompts: prompts.len(),
        before: median(|o| o.before),
        after: median(|o| o.after),
        delta_p: median(|o| o.after - o.before),
        random_delta_p: quantile(&mut random, 0.95),
        reversed: prompts.iter().filter(|o| o.after >= 0.5).count() as f64 / prompts.len().max(1) as f64,
    }
}

/// Steers each prompt of `pairs` along `node` towards the other prompt's answer at full strength,
/// and along `directions` random directions of equal norm.
///
/// # Errors
/// What [`steering_vectors`] and [`steered_logits`] refuse.
pub async fn channel_score<B: Backend>(
    backend: &mut B,
    models: ModelPair<'_, B>,
    node: Node,
    pairs: &[[Vec<u32>; 2]],
    candidates: [u32; 2],
    directions: usize,
) -> Result<ChannelScore> {
    let mut prompts = [Vec::new(), Vec::new()];
    for (number, pair) in pairs.iter().enumerate() {
        for (way, prompts) in prompts.iter_mut().enumerate() {
            let (from, to) = (&pair[way], &pair[1 - way]);
            let vector = steering_vectors(backend, models.sparse, models.bridge, [from, to], &[node]).await?.remove(0);
            let mut all = vec![vector.scaled(0.0), vector.clone()];
            let seed = |direction: usize| ((2 * number + way) * directions + direction) as u64;
            all.extend((0..directions).map(|direction| vector.random(seed(direction))));
            let logits = steered_logits(backend, models.dense, from, &all, candidates).await?;
            // the right answer to A is the first candidate, so the other one is the second
            let p: Vec<f64> = logits.into_iter().map(|pair| probabilities(pair)[1 - way]).collect();
            prompts.push(PromptProbabilities { before: p[0], after: p[1], random: p[2..].to_vec() });
        }
    }
    let [forth, back] = &prompts;
    Ok(ChannelScore {
        forth: score(&forth.iter().collect::<Vec<_>>()),
        back: score(&back.iter().collect::<Vec<_>>()),
        both: score(&forth.iter().chain(back).collect::<Vec<_>>()),
    })
}

/// The channels among `nodes` that read the residual stream, each with the median change of
/// P(other) over the prompts of `pairs` (both directions). The largest change comes first.
///
/// # Errors
/// What [`steering_vectors`] and [`steered_logits`] refuse.
pub async fn rank_channels<B: Backend>(
    backend: &mut B,
    models: ModelPair<'_, B>,
    nodes: &[Node],
    pairs: &[[Vec<u32>; 2]],
    candidates: [u32; 2],
) -> Result<Vec<(Node, f64)>> {
    let nodes: Vec<Node> = nodes.iter().copied().filter(|&node| boundary(node).is_ok()).collect();
    let mut delta_ps = vec![Vec::new(); nodes.len()];
    for pair in pairs {
        for way in 0..2 {
            let (from, to) = (&pair[way], &pair[1 - way]);
            let mut all = steering_vectors(backend, models.sparse, models.bridge, [from, to], &nodes).await?;
            all.push(SteeringVector::zero(from.len(), models.dense.config.d_model));
            let logits = steered_logits(backend, models.dense, from, &all, candidates).await?;
            let mut p: Vec<f64> = logits.into_iter().map(|pair| probabilities(pair)[1 - way]).collect();
            let before = p.pop().expect("one result for each vector");
            delta_ps.iter_mut().zip(p).for_each(|(delta_ps, p)| delta_ps.push(p - before));
        }
    }
    let mut ranked: Vec<(Node, f64)> =
        nodes.into_iter().zip(delta_ps.iter_mut().map(|delta_ps| quantile(delta_ps, 0.5))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(ranked)
}

/// The channel chosen for a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChosenChannel {
    pub node: Node,
    /// Median change of P(other) over the train pairs.
    pub delta_p: f64,
}

impl ChosenChannel {
    /// Whether the change is large enough to name the channel.
    pub fn steers(&self) -> bool {
        self.delta_p >= MIN_DELTA_P
    }
}

/// The channel among a circuit's `nodes` that steers the dense model most, on the first [`CHOOSING_PAIRS`] of `pairs` (train pairs). `None`
/// for a circuit that does not read the residual stream.
///
/// # Errors
/// As [`rank_channels`].
pub async fn choose_channel<B: Backend>(
    backend: &mut B,
    models: ModelPair<'_, B>,
    nodes: &[Node],
    pairs: &[[Vec<u32>; 2]],
    candidates: [u32; 2],
) -> Result<Option<ChosenChannel>> {
    let pairs = models.cut(pairs[..pairs.len().min(CHOOSING_PAIRS)].to_vec());
    let ranked = rank_channels(backend, models, nodes, &pairs, candidates).await?;
    Ok(ranked.first().map(|&(node, delta_p)| ChosenChannel { node, delta_p }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_medians_and_percentiles() {
        assert_eq!(quantile(&mut [3.0, 1.0, 2.0], 0.5), 2.0);
        assert_eq!(quantile(&mut (1..=100).map(f64::from).collect::<Vec<_>>(), 0.95), 95.0);
        assert_eq!(quantile(&mut [], 0.5), 0.0);
        let prompts: Vec<PromptProbabilities> =
            [0.4, 0.6, 0.9].map(|after| PromptProbabilities { before: 0.1, after, random: vec![0.1, 0.2] }).into();
        let got = score(&prompts.iter().collect::<Vec<_>>());
        assert_eq!((got.prompts, got.before, got.after), (3, 0.1, 0.6));
        assert!((got.delta_p - 0.5).abs() < 1e-12 && (got.random_delta_p - 0.1).abs() < 1e-12);
        assert!((got.reversed - 2.0 / 3.0).abs() < 1e-12);
    }
}
