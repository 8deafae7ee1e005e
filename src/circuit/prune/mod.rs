//! Pruning: searches for the smallest set of nodes that still does a task while every other node is
//! at its mean (Gao et al. 2025, 2.2 and A.5).
//!
//! A search learns masks, bisects over the number of nodes and then removes nodes greedily. Several searches run, with different
//! seeds and sparsity penalties. Greedy ablation runs once more on the union of the circuits that they found. The circuit with the
//! fewest edges wins.
//!
//! This module uses no files, clock or terminal. Prompts come as tokens. Progress goes to a
//! callback, which can also cancel. The same seed gives the same circuit on any number of threads.

mod greedy_ablation;
mod learn;
mod loss_gradient;
mod nested;

pub use learn::LearnOptions;
pub use nested::{NestedCircuit, nested};

use crate::Result;
use crate::circuit::definition::{Calibration, EdgeList, NodeSet};
use crate::circuit::evaluate::{EvaluatorPool, Prompts};
use greedy_ablation::{Bisected, GreedyAblation, MeasuredCircuit};

/// Pairs of each split in the small set that screens single removals.
const SCREEN: usize = 96;
/// Pairs of each split in the coarse check.
const COARSE: usize = SCREEN / 4;

/// Prompts without a partner, each with whether it wants the first candidate.
pub type Singles<'a> = &'a [(Vec<u32>, bool)];

/// The prompts of a search.
pub struct PruneData {
    train: Prompts,
    validation: Prompts,
    /// The first pairs of both splits, to screen single removals.
    screen: Prompts,
    /// Fewer pairs of both splits, to reject hopeless removals quickly.
    coarse: Prompts,
}

impl PruneData {
    /// `train` and `validation` are token ids of pairs. Use at least 1,024 pairs of each; with
    /// fewer the circuit may fit the pairs instead of the task. `context` is the model's context
    /// length.
    pub fn new(train: &[[Vec<u32>; 2]], validation: &[[Vec<u32>; 2]], context: usize) -> PruneData {
        PruneData::with_singles([train, validation], [&[], &[]], context)
    }

    /// Searches on pairs and on single prompts together. Both arguments hold the train split first, then the validation split. In
    /// `singles`, prompts with the first answer and with the second take turns.
    pub fn with_singles(pairs: [&[[Vec<u32>; 2]]; 2], singles: [Singles; 2], context: usize) -> PruneData {
        let first = |count: usize| {
            let pairs = pairs.map(|pairs| &pairs[..pairs.len().min(count)]).concat();
            let singles = singles.map(|singles| &singles[..singles.len().min(2 * count)]).concat();
            mixed(&pairs, &singles, context)
        };
        PruneData {
            train: mixed(pairs[0], singles[0], context),
            validation: mixed(pairs[1], singles[1], context),
            screen: first(SCREEN),
            coarse: first(COARSE),
        }
    }

    pub fn train(&self) -> &Prompts {
        &self.train
    }
}

fn mixed(pairs: &[[Vec<u32>; 2]], singles: Singles, context: usize) -> Prompts {
    if singles.is_empty() {
        return Prompts::new(pairs, context);
    }
    let of_pairs = pairs.iter().flat_map(|[a, b]| [(a.clone(), true), (b.clone(), false)]);
    Prompts::single(&of_pairs.chain(singles.iter().cloned()).collect::<Vec<_>>(), context)
}

#[derive(Clone, Debug, PartialEq)]
pub struct PruneOptions {
    /// Calibrated loss, in nats, that the circuit must not exceed on train and on validation pairs.
    pub target_loss: f64,
    /// Searches with each sparsity penalty.
    pub restarts: usize,
    /// Sparsity penalties at the start of learning, tried one after the other.
    pub sparsity_penalties: Vec<f32>,
    /// Circuits of earlier runs, added to the union of the circuits of this run.
    pub warm_start: Vec<NodeSet>,
    /// If the bisection needs more nodes than this, the search is repeated with a lower penalty.
    pub max_nodes: usize,
    /// Options of mask learning. Its penalty, target and seed are ignored: the fields above and
    /// below set them.
    pub learn: LearnOptions,
    pub seed: u64,
}

impl Default for PruneOptions {
    fn default() -> Self {
        PruneOptions {
            target_loss: 0.15,
            restarts: 2,
            sparsity_penalties: vec![0.003],
            warm_start: Vec::new(),
            max_nodes: 400,
            learn: LearnOptions::default(),
            seed: 0,
        }
    }
}

/// The stage of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Learning masks.
    Learn,
    /// Bisecting the number of nodes.
    Bisect,
    /// Removing nodes, on a few pairs.
    Remove,
    /// Checking removals on all pairs.
    Check,
    /// Ordering the nodes for circuits of all sizes (see [`nested`]).
    Nest,
}

/// The progress of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub stage: Stage,
    /// Step `step` of `of` steps of the stage.
    pub step: usize,
    pub of: usize,
    /// Calibrated loss of the current nodes, in nats.
    pub loss: f64,
    pub nodes: usize,
    pub edges: usize,
}

/// The size of a circuit. Sizes are compared by edges, then by nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    pub edges: usize,
    pub nodes: usize,
}

/// What one search found.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchReport {
    pub sparsity_penalty: f32,
    pub seed: u64,
    /// `None` when the target was not reached.
    pub size: Option<Size>,
    /// The larger of train and validation loss, or the lowest loss seen when the target was not reached.
    pub loss: f64,
}

/// A circuit that reaches the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Pruned {
    pub nodes: NodeSet,
    pub size: Size,
    /// Fitted on the train pairs.
    pub calibration: Calibration,
    pub train_loss: f64,
    pub validation_loss: f64,
}

/// What all searches found.
#[derive(Clone, Debug, PartialEq)]
pub struct PruneResult {
    /// The smallest circuit; `None` when no search reached the target.
    pub best: Option<Pruned>,
    pub searches: Vec<SearchReport>,
    /// The size of the circuit found in the union; `None` if there was one circuit only or the
    /// target was not reached.
    pub of_union: Option<Size>,
}

impl PruneResult {
    /// The lowest loss of all searches; `None` when there was no search.
    pub fn lowest_loss(&self) -> Option<f64> {
        self.searches.iter().map(|search| search.loss).min_by(f64::total_cmp)
    }
}

/// Finds a circuit. `edges` are those of the pool's model. `None` when `progress` returned false.
///
/// # Errors
/// When the device fails.
pub async fn prune<P: EvaluatorPool>(
    pool: &mut P,
    edges: &EdgeList,
    data: &PruneData,
    options: &PruneOptions,
    mut progress: impl AsyncFnMut(&Progress) -> bool,
) -> Result<Option<PruneResult>> {
    let size_of = |nodes: &NodeSet| Size { edges: edges.count(nodes), nodes: nodes.len() };
    let mut best: Option<(Size, MeasuredCircuit)> = None;
    let mut keep_smaller = |size: Size, found: MeasuredCircuit| {
        if best.as_ref().is_none_or(|(smallest, _)| size < *smallest) {
            best = Some((size, found));
        }
    };
    let mut searches = Vec::new();
    let mut circuits = options.warm_start.clone();
    for restart in 0..options.restarts {
        for (at, &sparsity_penalty) in options.sparsity_penalties.iter().enumerate() {
            let seed = options.seed + (restart * options.sparsity_penalties.len() + at) as u64;
            let target_loss = options.target_loss;
            let learn = LearnOptions { seed, sparsity_penalty, target_loss, ..options.learn.clone() };
            let Some(search) = search(pool, edges, data, options, learn, &mut progress).await? else {
                return Ok(None);
            };
            let size = search.found.as_ref().map(|found| size_of(&found.nodes));
            if let (Some(found), Some(size)) = (search.found, size) {
                circuits.push(found.nodes.clone());
                keep_smaller(size, found);
            }
            let Search { sparsity_penalty, loss, .. } = search;
            searches.push(SearchReport { sparsity_penalty, seed, size, loss });
        }
    }
    let mut of_union = None;
    // searches choose differently among equivalent nodes; ablation of the union compares these
    // nodes
    if (circuits.len() > 1 || searches.is_empty())
        && let Some(union) = circuits.into_iter().reduce(|union, nodes| union.union(&nodes))
    {
        let mut ablation = GreedyAblation { pool, data, edges, target: options.target_loss };
        let Some(found) = ablation.ablate(union, &mut progress).await? else { return Ok(None) };
        if found.worst_loss() <= options.target_loss {
            let size = size_of(&found.nodes);
            of_union = Some(size);
            keep_smaller(size, found);
        }
    }
    let best = best.map(|(size, MeasuredCircuit { nodes, calibration, train_loss, validation_loss })| Pruned {
        nodes,
        size,
        calibration,
        train_loss,
        validation_loss,
    });
    Ok(Some(PruneResult { best, searches, of_union }))
}

/// The result of one search.
struct Search {
    /// The circuit, when it reached the target.
    found: Option<MeasuredCircuit>,
    /// The penalty of the last attempt.
    sparsity_penalty: f32,
    /// See [`SearchReport::loss`].
    loss: f64,
}

/// The factors of the sparsity penalty in a search's attempts: the next one is used when the bisection keeps too many nodes.
const PENALTY_FACTORS: [f32; 3] = [1.0, 0.3, 0.1];

/// One search. `None` when cancelled.
async fn search<P: EvaluatorPool>(
    pool: &mut P,
    edges: &EdgeList,
    data: &PruneData,
    options: &PruneOptions,
    mut learn: LearnOptions,
    progress: &mut impl AsyncFnMut(&Progress) -> bool,
) -> Result<Option<Search>> {
    let sparsity_penalty = learn.sparsity_penalty;
    let mut lowest = f64::INFINITY;
    for factor in PENALTY_FACTORS {
        learn.sparsity_penalty = sparsity_penalty * factor;
        let Some(masks) = learn::learn(pool, &data.train, edges, &learn, progress).await? else {
            return Ok(None);
        };
        let mut ablation = GreedyAblation { pool: &mut *pool, data, edges, target: options.target_loss };
        match ablation.bisect(&masks, options.max_nodes, progress).await? {
            Bisected::Cancelled => return Ok(None),
            Bisected::Missed(loss) => lowest = lowest.min(loss),
            Bisected::Reached(nodes) => {
                let Some(found) = ablation.ablate(nodes, progress).await? else { return Ok(None) };
                let loss = found.worst_loss();
                let found = Some(found).filter(|_| loss <= options.target_loss);
                return Ok(Some(Search { found, sparsity_penalty: learn.sparsity_penalty, loss }));
            }
        }
    }
    Ok(Some(Search { found: None, sparsity_penalty: learn.sparsity_penalty, loss: lowest }))
}
