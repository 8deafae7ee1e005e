//! Pruning: the smallest set of nodes that still does a task while every other node is held at its mean (Gao et al. 2025, 2.2 and
//! A.5). Learnt masks, several times over; bisection; removal of useless nodes; the same removal once more from all that the searches
//! found, put together; the circuit with the fewest edges wins.
//!
//! Knows no file, clock or terminal: prompts come tokenized, progress goes to a callback that can also cancel, and the same seed
//! gives the same circuit on any number of threads.

mod greedy_ablation;
mod learn;

pub use learn::LearnOptions;

use crate::Result;
use crate::circuit::definition::{Calibration, EdgeList};
use crate::circuit::evaluate::{Prompts, Workers};
use crate::model::Node;
use greedy_ablation::{Bisected, Candidate, Shrink};
use std::collections::BTreeSet;

/// Pairs in the small set that screens single drops: of train and validation pairs each.
const SCREEN: usize = 96;

/// The prompts of a search.
pub struct PruneData {
    train: Prompts,
    validation: Prompts,
    /// Some of both, for single drops.
    screen: Prompts,
    /// A few of both, enough to refuse what is hopeless.
    glance: Prompts,
}

impl PruneData {
    /// Token ids of pairs; 1,024 of each or more, or the search fits the pairs instead of the task. `context` is the model's.
    pub fn new(train: &[[Vec<u32>; 2]], validation: &[[Vec<u32>; 2]], context: usize) -> PruneData {
        let some = |count: usize| {
            let first = |pairs: &[[Vec<u32>; 2]]| pairs[..pairs.len().min(count)].to_vec();
            Prompts::new(&[first(train), first(validation)].concat(), context)
        };
        PruneData {
            train: Prompts::new(train, context),
            validation: Prompts::new(validation, context),
            screen: some(SCREEN),
            glance: some(SCREEN / 4),
        }
    }

    pub fn train(&self) -> &Prompts {
        &self.train
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PruneOptions {
    /// Calibrated loss, in nats, that the circuit must not exceed on train and on validation pairs.
    pub target_loss: f64,
    /// Searches with each price.
    pub restarts: usize,
    /// Prices of a node at the start of learning, tried one after the other.
    pub k_coefs: Vec<f32>,
    /// Masks of circuits found earlier, to be put together with those found now.
    pub found: Vec<Vec<f32>>,
    /// A search whose bisection keeps more nodes than this is tried again at a lower price.
    pub max_nodes: usize,
    /// Steps, pairs, rates of each search; its price, target and seed are set by the fields above and below.
    pub learn: LearnOptions,
    pub seed: u64,
}

impl Default for PruneOptions {
    fn default() -> Self {
        PruneOptions {
            target_loss: 0.15,
            restarts: 2,
            k_coefs: vec![0.003],
            found: Vec::new(),
            max_nodes: 400,
            learn: LearnOptions::default(),
            seed: 0,
        }
    }
}

/// Which part of the work a [`Progress`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Learning masks.
    Learn,
    /// Bisecting the number of nodes.
    Bisect,
    /// Dropping useless nodes, on a few pairs.
    Drop,
    /// Checking drops on all pairs.
    Check,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub stage: Stage,
    pub step: usize,
    pub of: usize,
    /// Calibrated loss of the mask at hand, in nats.
    pub loss: f64,
    pub nodes: usize,
    pub edges: usize,
}

/// What one search came to.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchReport {
    pub k_coef: f32,
    pub seed: u64,
    /// Nodes and edges; `None` when the target was not reached.
    pub size: Option<(usize, usize)>,
    /// The larger of train and validation loss, or the lowest loss seen when the target was not reached.
    pub loss: f64,
}

/// A circuit that reaches the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Pruned {
    pub nodes: BTreeSet<Node>,
    pub edges: usize,
    /// Fitted on the train pairs.
    pub calibration: Calibration,
    pub train_loss: f64,
    pub validation_loss: f64,
}

/// What pruning came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The circuit with the fewest edges (then the fewest nodes); `None` when no search reached the target.
    pub best: Option<Pruned>,
    pub searches: Vec<SearchReport>,
    /// Nodes and edges of the smallest circuit inside all those found, when there were several and it reached the target.
    pub pooled: Option<(usize, usize)>,
}

/// Finds a circuit. `edges` are those of the workers' model. `None` when `progress` returned false.
///
/// # Errors
/// When the device fails.
pub async fn prune<W: Workers>(
    workers: &mut W,
    edges: &EdgeList,
    data: &PruneData,
    options: &PruneOptions,
    mut progress: impl AsyncFnMut(&Progress) -> bool,
) -> Result<Option<Outcome>> {
    let mut best: Option<(usize, usize, Candidate)> = None;
    let mut searches = Vec::new();
    let mut found = options.found.clone();
    for restart in 0..options.restarts {
        for (at, &k_coef) in options.k_coefs.iter().enumerate() {
            let seed = options.seed + (restart * options.k_coefs.len() + at) as u64;
            let target_loss = options.target_loss;
            let learn = LearnOptions { seed, k_coef, target_loss, ..options.learn.clone() };
            let Some((candidate, report)) = search(workers, edges, data, options, learn, &mut progress).await? else {
                return Ok(None);
            };
            if let (Some(candidate), Some((nodes, edges))) = (candidate, report.size) {
                found.push(candidate.mask.clone());
                if best.as_ref().is_none_or(|(e, n, _)| (edges, nodes) < (*e, *n)) {
                    best = Some((edges, nodes, candidate));
                }
            }
            searches.push(report);
        }
    }
    let mut pooled = None;
    if found.len() > 1 {
        let mut shrink = Shrink { workers: &mut *workers, data, edges, target: options.target_loss };
        let Some(candidate) = shrink.drop_useless(together(&found), &mut progress).await? else { return Ok(None) };
        if candidate.worst() <= options.target_loss {
            let (count, nodes) = (edges.count(&candidate.mask), running(&candidate.mask));
            pooled = Some((nodes, count));
            if best.as_ref().is_none_or(|(e, n, _)| (count, nodes) < (*e, *n)) {
                best = Some((count, nodes, candidate));
            }
        }
    }
    let space = &workers.task().space;
    let best = best.map(|(edges, _, candidate)| Pruned {
        nodes: space.nodes(&candidate.mask),
        edges,
        calibration: candidate.calibration,
        train_loss: candidate.train_loss,
        validation_loss: candidate.validation_loss,
    });
    Ok(Some(Outcome { best, searches, pooled }))
}

/// The nodes that run in any of the masks. Searches settle on different ones of nodes that do the same; beside each other they can be
/// compared.
fn together(masks: &[Vec<f32>]) -> Vec<f32> {
    (0..masks[0].len()).map(|node| masks.iter().map(|mask| mask[node]).fold(0.0, f32::max)).collect()
}

fn running(mask: &[f32]) -> usize {
    mask.iter().filter(|m| **m != 0.0).count()
}

/// One search; at lower prices, by 0.3 and then by 0.1, when it keeps too many nodes. `None` when cancelled.
async fn search<W: Workers>(
    workers: &mut W,
    edges: &EdgeList,
    data: &PruneData,
    options: &PruneOptions,
    mut learn: LearnOptions,
    progress: &mut impl AsyncFnMut(&Progress) -> bool,
) -> Result<Option<(Option<Candidate>, SearchReport)>> {
    let price = learn.k_coef;
    let mut lowest = f64::INFINITY;
    for factor in [1.0, 0.3, 0.1] {
        learn.k_coef = price * factor;
        let Some(learnt) = learn::learn(workers, &data.train, edges, &learn, progress).await? else {
            return Ok(None);
        };
        let mut shrink = Shrink { workers: &mut *workers, data, edges, target: options.target_loss };
        match shrink.bisect(&learnt, options.max_nodes, progress).await? {
            Bisected::Cancelled => return Ok(None),
            Bisected::Missed(loss) => lowest = lowest.min(loss),
            Bisected::Reached(mask) => {
                let Some(candidate) = shrink.drop_useless(mask, progress).await? else { return Ok(None) };
                let reached = candidate.worst() <= options.target_loss;
                let nodes = running(&candidate.mask);
                let report = SearchReport {
                    k_coef: learn.k_coef,
                    seed: learn.seed,
                    size: reached.then(|| (nodes, edges.count(&candidate.mask))),
                    loss: candidate.worst(),
                };
                return Ok(Some((reached.then_some(candidate), report)));
            }
        }
    }
    Ok(Some((None, SearchReport { k_coef: learn.k_coef, seed: learn.seed, size: None, loss: lowest })))
}
