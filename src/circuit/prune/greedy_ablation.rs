//! Turns learned masks into a small circuit. Bisection keeps the fewest nodes in the order of their
//! parameters. Greedy ablation then removes nodes one at a time while the loss stays at or below
//! the target.

use super::learn::MaskState;
use super::loss_gradient::LossGradient;
use super::{Progress, PruneData, Stage};
use crate::Result;
use crate::circuit::definition::{Calibration, EdgeList, NodeSet};
use crate::circuit::evaluate::{Chunk, Evaluator, EvaluatorPool, loss};

/// A removal is rejected when its loss in the coarse check is this far above the target, in nats:
/// about three standard errors.
const HOPELESS: f64 = 0.1;
/// A removal whose screening loss is at most this far above the target, in nats, is still tried on
/// all pairs.
const DOUBTFUL: f64 = 0.02;
/// Changes of the loss below this (nats) are rounding: logits agree to about 1e-6 between backends.
const ROUNDING: f64 = 1e-6;

/// A set of nodes and what was measured with it on the full sets of pairs.
#[derive(Clone)]
pub(super) struct MeasuredCircuit {
    pub nodes: NodeSet,
    /// Fitted on the train pairs.
    pub calibration: Calibration,
    pub train_loss: f64,
    pub validation_loss: f64,
}

impl MeasuredCircuit {
    pub fn worst_loss(&self) -> f64 {
        self.train_loss.max(self.validation_loss)
    }
}

/// A node that may be removed.
struct Candidate {
    node: usize,
    cost: f64,
    /// The loss without it, if measured since the last removal.
    loss: Option<f64>,
}

pub(super) struct GreedyAblation<'a, P> {
    pub pool: &'a mut P,
    pub data: &'a PruneData,
    pub edges: &'a EdgeList,
    pub target: f64,
}

/// The result of the bisection.
pub(super) enum Bisected {
    Reached(NodeSet),
    /// No number of nodes reached the target. Holds the lowest loss.
    Missed(f64),
    Cancelled,
}

impl<P: EvaluatorPool> GreedyAblation<'_, P> {
    /// The calibrated loss on the screening prompts.
    pub async fn screen(&mut self, nodes: &NodeSet) -> Result<f64> {
        Ok(self.pool.calibrate(&self.data.screen, nodes).await?.1)
    }

    /// The loss on the screening prompts of `nodes` without `node`; `None` if the coarse check
    /// rejects it.
    async fn screen_without(&mut self, nodes: &NodeSet, node: usize) -> Result<Option<f64>> {
        let rest = nodes.without(node);
        if self.pool.calibrate(&self.data.coarse, &rest).await?.1 > self.target + HOPELESS {
            return Ok(None);
        }
        Ok(Some(self.screen(&rest).await?))
    }

    /// The calibration fitted on the train pairs, and the losses there and on the validation pairs.
    pub async fn measure(&mut self, nodes: NodeSet) -> Result<MeasuredCircuit> {
        let (calibration, train_loss) = self.pool.calibrate(&self.data.train, &nodes).await?;
        let validation = &self.data.validation;
        let logit_diffs = self.pool.logit_diffs(validation, &nodes).await?;
        let validation_loss = loss(&calibration, &logit_diffs, &validation.first);
        Ok(MeasuredCircuit { nodes, calibration, train_loss, validation_loss })
    }

    pub fn report(&self, stage: Stage, step: usize, of: usize, loss: f64, nodes: &NodeSet) -> Progress {
        Progress { stage, step, of, loss, nodes: nodes.len(), edges: self.edges.count(nodes) }
    }

    /// Keeps the fewest nodes, in the order of their parameters (ties by importance), whose
    /// screening loss is at most the target. Then adds nodes until the train and validation losses
    /// are at most the target too. Keeps at most `max` nodes.
    pub async fn bisect(
        &mut self,
        masks: &MaskState,
        max: usize,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Bisected> {
        let n = masks.theta.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| {
            let by = |values: &[f32]| values[b].total_cmp(&values[a]);
            by(&masks.theta).then(by(&masks.importance)).then(a.cmp(&b))
        });
        let keep = |count: usize| {
            let mut nodes = NodeSet::empty(n);
            order[..count].iter().for_each(|&node| nodes.insert(node));
            nodes
        };
        let max = max.min(n);
        let (mut low, mut high) = (0, masks.active().len().clamp(1, max));
        let mut lowest = f64::INFINITY;
        // add nodes if the active ones do not reach the target
        loop {
            let loss = self.screen(&keep(high)).await?;
            lowest = lowest.min(loss);
            if !progress(&self.report(Stage::Bisect, high, max, loss, &keep(high))).await {
                return Ok(Bisected::Cancelled);
            }
            if loss <= self.target {
                break;
            }
            if high == max {
                return Ok(Bisected::Missed(lowest));
            }
            low = high;
            high = (high * 3 / 2 + 1).min(max);
        }
        while high - low > 1 {
            let middle = (low + high) / 2;
            let loss = self.screen(&keep(middle)).await?;
            if loss <= self.target {
                high = middle;
            } else {
                low = middle;
            }
            if !progress(&self.report(Stage::Bisect, middle, max, loss, &keep(middle))).await {
                return Ok(Bisected::Cancelled);
            }
        }
        // the full sets may be harder than the screening prompts
        let mut count = high;
        loop {
            let measured = self.measure(keep(count)).await?;
            let loss = measured.worst_loss();
            if !progress(&self.report(Stage::Bisect, count, max, loss, &measured.nodes)).await {
                return Ok(Bisected::Cancelled);
            }
            if loss <= self.target {
                return Ok(Bisected::Reached(measured.nodes));
            }
            if count == max {
                return Ok(Bisected::Missed(loss));
            }
            count = (count * 5 / 4 + 1).min(max);
        }
    }

    /// Removes nodes while the loss stays at or below the target, in three steps. Remove on the
    /// screening prompts, the lowest loss increase per edge first. Keep as many of these removals,
    /// from the first, as the train and validation pairs allow. Then try each remaining node on the
    /// full sets. `None` when cancelled.
    pub async fn ablate(
        &mut self,
        start: NodeSet,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<MeasuredCircuit>> {
        let Some(removed) = self.remove_on_screen(start.clone(), progress).await? else { return Ok(None) };
        let without = |count: usize| {
            let mut nodes = start.clone();
            removed[..count].iter().for_each(|&node| nodes.remove(node));
            nodes
        };
        let (mut holds, mut fails) = (0, removed.len() + 1);
        let mut best = None;
        let mut next = removed.len();
        while fails - holds > 1 {
            let measured = self.measure(without(next)).await?;
            let report = self.report(Stage::Check, next, removed.len(), measured.worst_loss(), &measured.nodes);
            if !progress(&report).await {
                return Ok(None);
            }
            if measured.worst_loss() <= self.target {
                holds = next;
                best = Some(measured);
            } else {
                fails = next;
            }
            // usually only the last few removals fail
            next = if fails - holds > 8 { fails - 3 } else { (holds + fails) / 2 };
        }
        let best = match best {
            Some(best) => best,
            None => self.measure(start).await?,
        };
        self.remove_on_all(best, progress).await
    }

    /// A first-order estimate, in nats, of the loss increase when each node of `nodes` is removed, and of the loss decrease when
    /// each other node of `alive` is added.
    pub async fn estimate(&mut self, nodes: &NodeSet, alive: &NodeSet) -> Result<Vec<f64>> {
        let prompts = &self.data.screen;
        let chunks: Vec<&Chunk> = prompts.chunks.iter().collect();
        let logit_diffs = self.pool.logit_diffs(prompts, nodes).await?;
        let loss_gradient = LossGradient::fitted(&logit_diffs, &prompts.first, 0.0);
        let job = async |evaluator: &mut Evaluator<P::Backend>, chunk: &Chunk| {
            evaluator.gradient(chunk, nodes, alive, |d, first| loss_gradient.at(d, first)).await
        };
        let mut costs = vec![0.0; nodes.places()];
        for part in self.pool.map(&chunks, job).await? {
            costs.iter_mut().zip(&part.mask).for_each(|(cost, &g)| *cost -= g as f64 / prompts.first.len() as f64);
        }
        Ok(costs)
    }

    /// Always removes the node with the lowest cost. A removal changes the costs of the others,
    /// mostly upwards. So a cost is measured again only when it is the lowest. The first costs are
    /// gradient estimates. Returns the nodes in the order in which they were removed; `None` when
    /// cancelled.
    async fn remove_on_screen(
        &mut self,
        mut nodes: NodeSet,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Vec<usize>>> {
        let estimates = self.estimate(&nodes, &nodes).await?;
        let mut open: Vec<Candidate> = nodes
            .iter()
            .map(|node| Candidate { node, cost: self.cost(estimates[node], node, &nodes), loss: None })
            .collect();
        let mut before = self.screen(&nodes).await?;
        let mut removed = Vec::new();
        while let Some(at) = (0..open.len()).min_by(|&a, &b| open[a].cost.total_cmp(&open[b].cost)) {
            let node = open[at].node;
            if let Some(loss) = open[at].loss {
                open.swap_remove(at);
                nodes.remove(node);
                removed.push(node);
                before = loss;
                open.iter_mut().for_each(|candidate| candidate.loss = None);
                let of = removed.len() + open.len();
                if !progress(&self.report(Stage::Remove, removed.len(), of, loss, &nodes)).await {
                    return Ok(None);
                }
                continue;
            }
            match self.screen_without(&nodes, node).await? {
                Some(loss) if loss <= self.target => {
                    open[at] = Candidate { node, cost: self.cost(loss - before, node, &nodes), loss: Some(loss) };
                }
                // a node that is needed now is still needed when fewer nodes remain
                _ => {
                    open.swap_remove(at);
                }
            }
        }
        Ok(Some(removed))
    }

    /// The cost of a removal: the loss increase `delta` (nats) per removed edge; the node itself
    /// counts as half an edge. Among nodes that have no effect, the one with the most edges comes
    /// first, so that the order does not depend on rounding.
    fn cost(&self, delta: f64, node: usize, nodes: &NodeSet) -> f64 {
        let size = self.edges.of(node, nodes) as f64 + 0.5;
        let delta = if delta.abs() < ROUNDING { -ROUNDING } else { delta };
        if delta > 0.0 { delta / size } else { delta * size }
    }

    /// Tries to remove each remaining node on the full sets. The screening prompts only reject
    /// hopeless removals. `None` when cancelled.
    async fn remove_on_all(
        &mut self,
        mut best: MeasuredCircuit,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<MeasuredCircuit>> {
        let mut order: Vec<usize> = best.nodes.iter().collect();
        order.sort_by_key(|&node| std::cmp::Reverse(self.edges.of(node, &best.nodes)));
        let count = order.len();
        for (at, node) in order.into_iter().enumerate() {
            let loss = self.screen_without(&best.nodes, node).await?.unwrap_or(f64::INFINITY);
            if loss <= self.target + DOUBTFUL {
                let measured = self.measure(best.nodes.without(node)).await?;
                if measured.worst_loss() <= self.target {
                    best = measured;
                }
            }
            if !progress(&self.report(Stage::Check, at + 1, count, best.worst_loss(), &best.nodes)).await {
                return Ok(None);
            }
        }
        Ok(Some(best))
    }
}
