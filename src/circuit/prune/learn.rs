//! Learnt masks (Gao et al. 2025, A.5): one parameter for each node. A step function turns it into a mask of 0 or 1; in the backward
//! pass a sigmoid stands in for the step. The loss is that of the task plus a sparsity penalty for each running node.

use super::loss_gradient::LossGradient;
use super::{Progress, Stage};
use crate::Result;
use crate::circuit::definition::{EdgeList, NodeSet};
use crate::circuit::evaluate::{Chunk, EvaluatorPool, Prompts, calibrate};
use crate::random::Rng;

/// How masks are learnt. The defaults are what worked on small models.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnOptions {
    pub steps: usize,
    /// Pairs in a step, at least (chunks are taken whole).
    pub pairs: usize,
    /// `k_coef` of Gao et al. 2025, A.5: what a running node adds to the loss, in nats, at the start. It then follows the loss, so
    /// that learning ends near the target with as few nodes as the target takes.
    pub sparsity_penalty: f32,
    /// Calibrated loss in nats that the masks are to end at.
    pub target_loss: f64,
    pub learning_rate: f32,
    pub weight_decay: f32,
    /// Width of the sigmoid whose derivative stands in for that of the step.
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
/// Far enough from zero that a node sees some tens of steps before it can go off. At 0.1 a handful of batches decides, and two nodes
/// in series that go off together never come back: neither has a gradient without the other.
const INITIAL: f32 = 0.5;
const INITIAL_NOISE: f32 = 0.01;
const GRADIENT_CLIP: f32 = 1.0;
/// The least scale of a step's calibration. Where nothing separates the candidates the best scale is zero, and then the gradient that
/// would bring nodes back is zero too.
const MIN_SCALE: f32 = 1.0;
/// Steps before the penalty changes: the first masks are noisy.
const WARM_UP: usize = 10;
/// The largest change of the penalty's logarithm in a step.
const PENALTY_STEP: f32 = 0.1;
/// The penalty stays within these multiples of where it starts.
const PENALTY_RANGE: (f32, f32) = (0.1, 30.0);
/// At this value or lower a parameter counts as at its bound of -1.
const BOTTOM: f32 = -0.99;
/// A node that has been at the bound for this many steps is given up: the model with the node folded away runs faster.
const PATIENCE: u32 = 20;
/// Steps between two looks at which nodes are to be given up.
const GIVE_UP_EVERY: usize = 10;

/// What learning has come to.
pub(super) struct MaskState {
    /// In [-1, 1]; above 0 the node runs.
    pub theta: Vec<f32>,
    /// Running mean of minus the gradient of the task loss by the mask: what removing the node would cost, to first order.
    pub importance: Vec<f32>,
    first_moment: Vec<f32>,
    second_moment: Vec<f32>,
    /// Steps that each parameter has been at its lower bound.
    at_bottom: Vec<u32>,
    /// Nodes that are not given up.
    alive: NodeSet,
}

impl MaskState {
    fn new(nodes: usize, random: &mut Rng) -> MaskState {
        MaskState {
            theta: (0..nodes).map(|_| INITIAL + INITIAL_NOISE * random.roughly_normal()).collect(),
            importance: vec![0.0; nodes],
            first_moment: vec![0.0; nodes],
            second_moment: vec![0.0; nodes],
            at_bottom: vec![0; nodes],
            alive: NodeSet::full(nodes),
        }
    }

    /// The nodes whose mask is 1.
    pub fn running(&self) -> NodeSet {
        NodeSet::from_fn(self.theta.len(), |node| self.theta[node] > 0.0)
    }

    /// One step of AdamW. `gradient` is that of the task loss by the mask, `penalties` what each node adds to the loss.
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
            self.at_bottom[i] = if *theta < BOTTOM { self.at_bottom[i] + 1 } else { 0 };
        }
        if step % GIVE_UP_EVERY == GIVE_UP_EVERY - 1 {
            self.alive = NodeSet::from_fn(n, |i| self.at_bottom[i] < PATIENCE);
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
        let running = state.running();
        let MeanGradient { mask, logit_diffs, first } =
            mean_gradient(pool, &chunks, &running, &state.alive, loss_gradient).await?;
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
            penalty_weights(edges, &running).into_iter().map(|weight| sparsity_penalty * weight).collect();
        state.update(options, step, &mask, &penalties);
        let report = Progress {
            stage: Stage::Learn,
            step: step + 1,
            of: options.steps,
            loss,
            nodes: running.len(),
            edges: edges.count(&running),
        };
        if !progress(&report).await {
            return Ok(None);
        }
    }
    Ok(Some(state))
}

/// How much of the sparsity penalty each node pays: half for itself, half for its edges with running nodes, in units of the mean
/// over the running nodes. Circuits are measured in edges.
fn penalty_weights(edges: &EdgeList, running: &NodeSet) -> Vec<f32> {
    let counts: Vec<f32> = (0..running.places()).map(|node| edges.of(node, running) as f32).collect();
    let usual = running.iter().map(|node| counts[node]).sum::<f32>() / running.len().max(1) as f32;
    counts.iter().map(|count| 0.5 + 0.5 * (count / usual.max(1.0)).min(4.0)).collect()
}

/// What a step of learning measures.
struct MeanGradient {
    /// The gradient of the task loss by the mask, the mean over the sequences.
    mask: Vec<f32>,
    logit_diffs: Vec<f32>,
    /// Whether the first candidate is wanted, for each sequence.
    first: Vec<bool>,
}

async fn mean_gradient<P: EvaluatorPool>(
    pool: &mut P,
    chunks: &[&Chunk],
    running: &NodeSet,
    alive: &NodeSet,
    loss_gradient: LossGradient,
) -> Result<MeanGradient> {
    let parts = pool
        .map(chunks, async |evaluator, chunk| {
            evaluator.gradient(chunk, running, alive, |d, first| loss_gradient.at(d, first)).await
        })
        .await?;
    let mut mask = vec![0.0f32; running.places()];
    let (mut logit_diffs, mut first) = (Vec::new(), Vec::new());
    for (part, chunk) in parts.iter().zip(chunks) {
        mask.iter_mut().zip(&part.mask).for_each(|(sum, g)| *sum += g);
        logit_diffs.extend(&part.logit_diffs);
        first.extend(&chunk.first);
    }
    mask.iter_mut().for_each(|g| *g /= logit_diffs.len() as f32);
    Ok(MeanGradient { mask, logit_diffs, first })
}

/// Chunks with at least `pairs` pairs, each chunk once before any comes again.
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
