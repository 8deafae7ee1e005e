//! Learnt masks (Gao et al. 2025, A.5): one parameter a node, turned into a 0/1 mask by a step whose backward pass pretends to be
//! a sigmoid; the loss is the task's plus a price for each running node.

use super::{Progress, Stage};
use crate::Result;
use crate::circuit::definition::{Calibration, EdgeList};
use crate::circuit::evaluate::{Chunk, Prompts, Random, Workers, argument, calibrate};

/// How masks are learnt. The defaults are what worked on small models.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnOptions {
    pub steps: usize,
    /// Pairs in a step, at least (chunks are taken whole).
    pub pairs: usize,
    /// Price of a running node at the start, in nats. It then follows the loss, so that learning ends near the target with as few
    /// nodes as that takes.
    pub k_coef: f32,
    /// Calibrated loss in nats that the masks are to end at.
    pub target_loss: f64,
    pub learning_rate: f32,
    pub weight_decay: f32,
    /// Width of the sigmoid whose slope stands in for the step's.
    pub temperature: f32,
    pub seed: u64,
}

impl Default for LearnOptions {
    fn default() -> Self {
        LearnOptions {
            steps: 150,
            pairs: 32,
            k_coef: 0.003,
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
/// Far enough from zero that a node sees some tens of steps before it first goes off: at 0.1 a handful of batches decides, and two
/// nodes in series that went off together never come back, as neither has a gradient without the other.
const INITIAL: f32 = 0.5;
const INITIAL_NOISE: f32 = 0.01;
const GRADIENT_CLIP: f32 = 1.0;
/// No calibration of a step is flatter than this: where nothing tells the candidates apart the best scale is zero, and with it
/// the gradient that would bring nodes back.
const MIN_SCALE: f32 = 1.0;
/// Steps before the price moves: the first masks are chaos.
const SETTLING: usize = 10;
/// Largest change of the logarithm of the price in a step.
const PRICE_STEP: f32 = 0.1;
/// A node that has lain at -1 for this many steps is given up: the model reduced to the others runs faster.
const PATIENCE: u32 = 20;

/// Parameters after learning, and how much the loss asked for each node at the end.
pub(super) struct Learnt {
    /// In [-1, 1]; above 0 the node runs.
    pub theta: Vec<f32>,
    /// Running mean of minus the task loss's gradient by the mask: what switching the node off would cost, to first order.
    pub importance: Vec<f32>,
}

/// The loss's slope by a logit difference, for losses of calibrated differences. The calibration is that of the step before.
#[derive(Clone, Copy)]
pub(super) struct Slope {
    calibration: Calibration,
    mean: f64,
    /// Mean of (p - wanted) * d: zero unless the scale is at its cap.
    pull: f64,
}

impl Slope {
    pub fn fitted(differences: &[f32], first: &[bool], floor: f32) -> Slope {
        let n = differences.len() as f64;
        let (mut calibration, _) = calibrate(differences, first);
        calibration.scale = calibration.scale.max(floor);
        let mean = differences.iter().map(|&d| d as f64).sum::<f64>() / n;
        let slope = Slope { calibration, mean, pull: 0.0 };
        let pull = differences.iter().zip(first).map(|(&d, &first)| slope.error(d, first) * d as f64).sum::<f64>() / n;
        Slope { pull, ..slope }
    }

    /// p - wanted, of the first candidate.
    fn error(&self, difference: f32, first: bool) -> f64 {
        1.0 / (1.0 + (-argument(&self.calibration, difference)).exp()) - if first { 1.0 } else { 0.0 }
    }

    /// d loss / d difference, the deviation's dependence on the difference included; scale and shift are at their best, where
    /// their own slopes are zero or bounded away.
    pub fn at(&self, difference: f32, first: bool) -> f32 {
        let deviation = self.calibration.deviation as f64;
        let steepness = self.calibration.scale as f64 / deviation;
        let through_deviation = self.pull / deviation * (difference as f64 - self.mean) / deviation;
        (steepness * (self.error(difference, first) - through_deviation)) as f32
    }
}

/// Learns masks on `prompts`; `None` when cancelled.
pub(super) async fn learn<W: Workers>(
    workers: &mut W,
    prompts: &Prompts,
    edges: &EdgeList,
    options: &LearnOptions,
    progress: &mut impl AsyncFnMut(&Progress) -> bool,
) -> Result<Option<Learnt>> {
    let n = workers.task().space.len();
    let mut random = Random::new(options.seed);
    let mut theta: Vec<f32> = (0..n).map(|_| INITIAL + INITIAL_NOISE * random.normal()).collect();
    let (mut first_moment, mut second_moment) = (vec![0.0f32; n], vec![0.0f32; n]);
    let mut importance = vec![0.0f32; n];
    let mut at_bottom = vec![0u32; n];
    let mut alive = vec![true; n];
    let mut order: Vec<usize> = Vec::new();
    let mut slope: Option<Slope> = None;

    let mut price = options.k_coef;
    let mut typical_loss = options.target_loss;
    for step in 0..options.steps {
        let chunks = draw(prompts, options.pairs, &mut order, &mut random);
        let mask: Vec<f32> = theta.iter().map(|&t| if t > 0.0 { 1.0 } else { 0.0 }).collect();
        let (gradient, differences, first) = gradient(workers, &chunks, &mask, &alive, slope).await?;
        slope = Some(Slope::fitted(&differences, &first, MIN_SCALE));
        let loss = calibrate(&differences, &first).1;
        typical_loss = 0.8 * typical_loss + 0.2 * loss;
        if step >= SETTLING {
            // prices rise while the loss is below the target and fall while it is above: the step's size is bounded
            let slack = (1.0 - typical_loss / options.target_loss).clamp(-1.0, 1.0) as f32;
            price = (price * (PRICE_STEP * slack).exp()).clamp(options.k_coef * 0.1, options.k_coef * 30.0);
        }
        let burden = burdens(edges, &mask);

        let mut total: Vec<f32> = (0..n)
            .map(|i| {
                importance[i] = 0.9 * importance[i] - 0.1 * gradient[i];
                let s = 1.0 / (1.0 + (-theta[i] / options.temperature).exp());
                (gradient[i] + price * burden[i]) * s * (1.0 - s) / options.temperature
            })
            .collect();
        for (g, alive) in total.iter_mut().zip(&alive) {
            if !alive {
                *g = 0.0;
            }
        }
        let norm = total.iter().map(|g| g * g).sum::<f32>().sqrt();
        let clip = if norm > GRADIENT_CLIP { GRADIENT_CLIP / norm } else { 1.0 };
        let rate = options.learning_rate * (1.0 - step as f32 / options.steps as f32);
        let correction = (1.0 - BETAS.0.powi(step as i32 + 1), 1.0 - BETAS.1.powi(step as i32 + 1));
        for i in (0..n).filter(|&i| alive[i]) {
            let g = total[i] * clip;
            first_moment[i] = BETAS.0 * first_moment[i] + (1.0 - BETAS.0) * g;
            second_moment[i] = BETAS.1 * second_moment[i] + (1.0 - BETAS.1) * g * g;
            let update = first_moment[i] / correction.0 / ((second_moment[i] / correction.1).sqrt() + ADAM_EPS);
            theta[i] = (theta[i] * (1.0 - rate * options.weight_decay) - rate * update).clamp(-1.0, 1.0);
            at_bottom[i] = if theta[i] < -0.99 { at_bottom[i] + 1 } else { 0 };
        }
        if step % 10 == 9 {
            for i in 0..n {
                alive[i] = at_bottom[i] < PATIENCE;
            }
        }
        let report = Progress {
            stage: Stage::Learn,
            step: step + 1,
            of: options.steps,
            loss,
            nodes: mask.iter().filter(|m| **m != 0.0).count(),
            edges: edges.count(&mask),
        };
        if !progress(&report).await {
            return Ok(None);
        }
    }
    Ok(Some(Learnt { theta, importance }))
}

/// What each node weighs in the price: half for itself, half for its edges with running nodes, in units of what is usual. Circuits are
/// measured in edges.
fn burdens(edges: &EdgeList, mask: &[f32]) -> Vec<f32> {
    let counts: Vec<f32> = (0..mask.len()).map(|node| edges.of(node, mask) as f32).collect();
    let running = mask.iter().filter(|m| **m != 0.0).count().max(1) as f32;
    let usual = counts.iter().zip(mask).map(|(count, m)| count * m).sum::<f32>() / running;
    counts.iter().map(|count| 0.5 + 0.5 * (count / usual.max(1.0)).min(4.0)).collect()
}

/// The mean gradient by the mask over the chunks' sequences, their differences and wanted candidates.
async fn gradient<W: Workers>(
    workers: &mut W,
    chunks: &[&Chunk],
    mask: &[f32],
    alive: &[bool],
    slope: Option<Slope>,
) -> Result<(Vec<f32>, Vec<f32>, Vec<bool>)> {
    // before anything is known of the differences: the plain cross entropy of the two logits
    let raw = Slope { calibration: Calibration::default(), mean: 0.0, pull: 0.0 };
    let slope = slope.unwrap_or(raw);
    let parts = workers
        .map(chunks, async |worker, chunk| worker.gradient(chunk, mask, alive, |d, first| slope.at(d, first)).await)
        .await?;
    let mut sum = vec![0.0f32; mask.len()];
    let (mut differences, mut first) = (Vec::new(), Vec::new());
    for (part, chunk) in parts.iter().zip(chunks) {
        sum.iter_mut().zip(&part.mask).for_each(|(sum, g)| *sum += g);
        differences.extend(&part.differences);
        first.extend(&chunk.first);
    }
    sum.iter_mut().for_each(|g| *g /= differences.len() as f32);
    Ok((sum, differences, first))
}

/// Chunks with at least `pairs` pairs, each chunk once before any comes again.
fn draw<'a>(prompts: &'a Prompts, pairs: usize, order: &mut Vec<usize>, random: &mut Random) -> Vec<&'a Chunk> {
    let (mut drawn, mut chunks) = (0, Vec::new());
    while drawn < pairs && chunks.len() < prompts.chunks.len() {
        if order.is_empty() {
            order.extend(0..prompts.chunks.len());
            for last in (1..order.len()).rev() {
                order.swap(last, random.below(last + 1));
            }
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

    /// The slope agrees with finite differences of the loss of freshly calibrated differences, at the cap and below it.
    #[test]
    fn the_slope_is_the_derivative_of_the_calibrated_loss() {
        let mut random = Random::new(5);
        for signal in [0.6, 3.0] {
            let first: Vec<bool> = (0..60).map(|i| i % 2 == 0).collect();
            let d: Vec<f32> = first.iter().map(|&f| 0.4 + random.normal() + if f { signal } else { -signal }).collect();
            let slope = Slope::fitted(&d, &first, 0.0);
            assert_eq!(slope.calibration.scale == 3.0, signal == 3.0, "{:?}", slope.calibration);
            for i in 0..d.len() {
                let loss = |change: f32| {
                    let mut d = d.clone();
                    d[i] += change;
                    calibrate(&d, &first).1
                };
                let want = ((loss(0.05) - loss(-0.05)) / 0.1) as f32;
                let got = slope.at(d[i], first[i]) / d.len() as f32;
                assert!((got - want).abs() < 2e-4, "signal {signal}, entry {i}: got {got}, want {want}");
            }
        }
    }
}
