//! Learned masks (Gao et al. 2025, A.5). Each node has one parameter. A step function turns it into
//! a mask of 0 or 1; the backward pass uses the derivative of a sigmoid instead. The loss is the
//! task loss plus a sparsity penalty for each active node.

use super::loss_gradient::LossGradient;
use super::{Progress, Stage};
use crate::Result;
use crate::circuit::definition::{EdgeList, NodeSet};
use crate::circuit::evaluate::{Chunk, EvaluatorPool, Prompts, calibrate};
use crate::random::Rng;

/// Options of mask learning. The defaults work well on small models.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnOptions {
    pub steps: usize,
    /// The least number of pairs per step; chunks are not split.
    pub pairs: usize,
    /// `k_coef` of Gao et al. 2025, A.5: the loss per active node, in nats, at the start. It then
    /// rises while the loss is below the target and falls while it is above, so that learning ends
    /// near the target.
    pub sparsity_penalty: f32,
    /// The calibrated loss, in nats, at which learning should end.
    pub target_loss: f64,
    pub learning_rate: f32,
    pub weight_decay: f32,
    /// Width of the sigmoid whose derivative replaces that of the step function.
    pub temperature: f32,
    pub seed: u64,
}

impl Default for LearnOptions {
    fn default() -> Self {
        LearnOptions {
            steps: 150,
            pairs: 32,
            sparsity_penalty: 0.003,
            target_loss: 0.15,
            learning_rate: 0.03,
            weight_decay: 1e-3,
            temperature: 1.0,
            seed: 0,
        }
    }
}

const BETAS: (f32, f32) = (0.9, 0.95);
const ADAM_EPS: f32 = 1e-8;
/// The initial parameter: far enough from zero that a node stays active for some tens of steps.
/// With 0.1 a few batches decide. Two nodes in series that become inactive together never return,
/// because neither has a gradient without the other.
const INITIAL: f32 = 0.5;
const INITIAL_NOISE: f32 = 0.01;
const GRADIENT_CLIP: f32 = 1.0;
/// The smallest scale of a step's calibration. When the logits do not separate the candidates, the
/// best scale is zero. Then all gradients are zero, and no node can become active again.
const MIN_SCALE: f32 = 1.0;
/// Steps before the penalty changes: the first masks are noisy.
const WARM_UP: usize = 10;
/// The largest change of the penalty's logarithm in a step.
const PENALTY_STEP: f32 = 0.1;
/// The penalty stays within these multiples of where it starts.
const PENALTY_RANGE: (f32, f32) = (0.1, 30.0);
/// At this value or lower a parameter counts as at its bound of -1.
const LOWER_BOUND: f32 = -0.99;
/// A node that has been at the bound for this many steps is dropped: without it the model runs
/// faster.
const PATIENCE: u32 = 20;
/// Steps between two checks for nodes to drop.
const GIVE_UP_EVERY: usize = 10;

/// The state of mask learning.
pub(super) struct MaskState {
    /// One parameter per node, in [-1, 1]. A node is active if it is above 0.
    pub theta: Vec<f32>,
    /// Moving average of minus the gradient of the task loss with respect to the mask: a
    /// first-order estimate of the loss increase when the node is removed.
    pub importance: Vec<f32>,
    first_moment: Vec<f32>,
    second_moment: Vec<f32>,
    /// Steps that each parameter has been at its lower bound.
    steps_at_bound: Vec<u32>,
    /// Nodes that are not dropped.
    alive: NodeSet,
}

impl MaskState {
    fn new(nodes: usize, random: &mut Rng) -> MaskState {
        MaskState {
            theta: (0..nodes).map(|_| INITIAL + INITIAL_NOISE * random.roughly_normal()).collect(),
            importance: vec![0.0; nodes],
            first_moment: vec![0.0; nodes],
            second_moment: vec![0.0; nodes],
            steps_at_bound: vec![0; nodes],
            alive: NodeSet::full(nodes),
        }
    }

    /// The nodes whose mask is 1.
    pub fn active(&self) -> NodeSet {
        NodeSet::from_fn(self.theta.len(), |node| self.theta[node] > 0.0)
    }

    /// One step of AdamW. `gradient` is that of the task loss with respect to the masks.
    /// `penalties` has the sparsity penalty of each node, in nats.
    fn update(&mut self, options: &LearnOptions, step: usize, gradient: &[f32], penalties: &[f32]) {
        let n = self.theta.len();
        for i in 0..n {
            self.importance[i] = 0.9 * self.importance[i] - 0.1 * gradient[i];
        }
        let by_theta = |i: usize| {
            let s = 1.0 / (1.0 + (-self.theta[i] / options.temperature).exp());
            (gradient[i] + penalties[i]) * s * (1.0 - s) / options.temperature
        };
        let total: Vec<f32> = (0..n).map(|i| if self.alive.contains(i) { by_theta(i) } else { 0.0 }).collect();
        let norm = total.iter().map(|g| g * g).sum::<f32>().sqrt();
        let clip = if norm > GRADIENT_CLIP { GRADIENT_CLIP / norm } else { 1.0 };
        let rate = options.learning_rate * (1.0 - step as f32 / options.steps as f32);
        let correction = (1.0 - BETAS.0.powi(step as i32 + 1), 1.0 - BETAS.1.powi(step as i32 + 1));
        for i in self.alive.iter() {
            let g = total[i] * clip;
            let (first, second) = (&mut self.first_moment[i], &mut self.second_moment[i]);
            *first = BETAS.0 * *first + (1.0 - BETAS.0) * g;
            *second = BETAS.1 * *second + (1.0 - BETAS.1) * g * g;
            let update = *first / correction.0 / ((*second / correction.1).sqrt() + ADAM_EPS);
            let theta = &mut self.theta[i];
            *theta = (*theta * (1.0 - rate * options.weight_decay) - rate * update).clamp(-1.0, 1.0);
            self.steps_at_bound[i] = if *theta < LOWER_BOUND { self.steps_at_bound[i] + 1 } else { 0 };
        }
        if step % GIVE_UP_EVERY == GIVE_UP_EVERY - 1 {
            self.alive = NodeSet::from_fn(n, |i| self.steps_at_bound[i] < PATIENCE);
        }
    }
}

/// Learns masks on `prompts`; `None` when cancelled.
pub(super) async fn learn<P: EvaluatorPool>(
    pool: &mut P,
    prompts: &Prompts,
    edges: &EdgeList,
    options: &LearnOptions,
    progress: &mut impl AsyncFnMut(&Progress) -> bool,
) -> Result<Option<MaskState>> {
    let mut random = Rng::new(options.seed);
    let mut state = MaskState::new(pool.task().space.len(), &mut random);
    let mut order: Vec<usize> = Vec::new();
    let mut loss_gradient = LossGradient::raw();
    let mut sparsity_penalty = options.sparsity_penalty;
    let mut typical_loss = options.target_loss;
    for step in 0..options.steps {
        let chunks = draw(prompts, options.pairs, &mut order, &mut random);
        let active = state.active();
        let MeanGradient { mask, logit_diffs, first } =
            mean_gradient(pool, &chunks, &active, &state.alive, loss_gradient).await?;
        loss_gradient = LossGradient::fitted(&logit_diffs, &first, MIN_SCALE);
        let loss = calibrate(&logit_diffs, &first).1;
        typical_loss = 0.8 * typical_loss + 0.2 * loss;
        if step >= WARM_UP {
            // the penalty rises while the loss is below the target and falls while it is above
            let slack = (1.0 - typical_loss / options.target_loss).clamp(-1.0, 1.0) as f32;
            let (min, max) = PENALTY_RANGE;
            sparsity_penalty = (sparsity_penalty * (PENALTY_STEP * slack).exp())
                .clamp(options.sparsity_penalty * min, options.sparsity_penalty * max);
        }
        let penalties: Vec<f32> =
            penalty_weights(edges, &active).into_iter().map(|weight| sparsity_penalty * weight).collect();
        state.update(options, step, &mask, &penalties);
        let report = Progress {
            stage: Stage::Learn,
            step: step + 1,
            of: options.steps,
            loss,
            nodes: active.len(),
            edges: edges.count(&active),
        };
        if !progress(&report).await {
            return Ok(None);
        }
    }
    Ok(Some(state))
}

/// The factor of each node's sparsity penalty: one half, plus one half times its number of edges to
/// active nodes divided by the mean over the active nodes (at most 4). So the penalty counts edges,
/// as the size of a circuit does.
fn penalty_weights(edges: &EdgeList, active: &NodeSet) -> Vec<f32> {
    let counts: Vec<f32> = (0..active.places()).map(|node| edges.of(node, active) as f32).collect();
    let usual = active.iter().map(|node| counts[node]).sum::<f32>() / active.len().max(1) as f32;
    counts.iter().map(|count| 0.5 + 0.5 * (count / usual.max(1.0)).min(4.0)).collect()
}

/// The measurements of a learning step.
struct MeanGradient {
    /// The gradient of the task loss by the mask, the mean over the sequences.
    mask: Vec<f32>,
    logit_diffs: Vec<f32>,
    /// For each sequence, whether the first candidate is the right answer.
    first: Vec<bool>,
}

async fn mean_gradient<P: EvaluatorPool>(
    pool: &mut P,
    chunks: &[&Chunk],
    active: &NodeSet,
    alive: &NodeSet,
    loss_gradient: LossGradient,
) -> Result<MeanGradient> {
    let parts = pool
        .map(chunks, async |evaluator, chunk| {
            evaluator.gradient(chunk, active, alive, |d, first| loss_gradient.at(d, first)).await
        })
        .await?;
    let mut mask = vec![0.0f32; active.places()];
    let (mut logit_diffs, mut first) = (Vec::new(), Vec::new());
    for (part, chunk) in parts.iter().zip(chunks) {
        mask.iter_mut().zip(&part.mask).for_each(|(sum, g)| *sum += g);
        logit_diffs.extend(&part.logit_diffs);
        first.extend(&chunk.first);
    }
    mask.iter_mut().for_each(|g| *g /= logit_diffs.len() as f32);
    Ok(MeanGradient { mask, logit_diffs, first })
}

/// Draws chunks with at least `pairs` pairs in total. Every chunk is drawn once before any is drawn
/// again.
fn draw<'a>(prompts: &'a Prompts, pairs: usize, order: &mut Vec<usize>, random: &mut Rng) -> Vec<&'a Chunk> {
    let (mut drawn, mut chunks) = (0, Vec::new());
    while drawn < pairs && chunks.len() < prompts.chunks.len() {
        if order.is_empty() {
            order.extend(0..prompts.chunks.len());
            random.shuffle(order);
        }
        let chunk = &prompts.chunks[order.pop().expect("just filled")];
        drawn += chunk.rows.len() / 2;
        chunks.push(chunk);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient of a single parameter is clipped to 1 while it is large. AdamW's update is then 1 as well, and a step
    /// moves the parameter by the learning rate.
    #[test]
    fn the_learning_rate_falls_linearly_to_zero() {
        let options = LearnOptions { steps: 4, learning_rate: 0.1, weight_decay: 0.0, ..LearnOptions::default() };
        for sign in [1.0, -1.0] {
            let mut state = MaskState::new(1, &mut Rng::new(1));
            state.theta = vec![0.5];
            let mut moves = Vec::new();
            for step in 0..4 {
                let before = state.theta[0];
                state.update(&options, step, &[sign * 1e3], &[0.0]);
                moves.push(sign * (before - state.theta[0]));
            }
            for (got, want) in moves.iter().zip([0.1, 0.075, 0.05, 0.025]) {
                assert!((got - want).abs() < 1e-5, "{moves:?}");
            }
        }
    }

    /// The first update of AdamW is the sign of the gradient: the task's gradient and the penalty are added, and the
    /// weight decay pulls towards zero.
    #[test]
    fn an_update_adds_the_penalty_and_the_weight_decay() {
        let options = LearnOptions { steps: 2, learning_rate: 0.1, weight_decay: 0.5, ..LearnOptions::default() };
        let mut state = MaskState::new(3, &mut Rng::new(1));
        state.theta = vec![0.5, 0.5, -0.8];
        state.update(&options, 0, &[-0.2, -0.2, -0.2], &[0.1, 0.3, 0.1]);
        for (got, want) in state.theta.iter().zip([0.475 + 0.1, 0.475 - 0.1, -0.76 + 0.1]) {
            assert!((got - want).abs() < 1e-5, "{:?}", state.theta);
        }
        // a tenth of minus the task's gradient
        assert!(state.importance.iter().all(|value| (value - 0.02).abs() < 1e-6), "{:?}", state.importance);
    }
}
