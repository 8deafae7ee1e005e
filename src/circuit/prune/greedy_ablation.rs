//! From learnt masks to a small circuit: bisection over the nodes sorted by their parameters, then greedy ablation, which removes
//! nodes one at a time while the loss stays at or below the target.

use super::learn::MaskState;
use super::loss_gradient::LossGradient;
use super::{Progress, PruneData, Stage};
use crate::Result;
use crate::circuit::definition::{Calibration, EdgeList, NodeSet};
use crate::circuit::evaluate::{Chunk, Evaluator, EvaluatorPool, loss};

/// A removal is hopeless when the loss in the coarse check is this far above the target: about three standard errors.
const HOPELESS: f64 = 0.1;
/// A removal that the screening prompts put this far above the target is still tried on all pairs.
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
    /// The loss without it, where that was measured since the last removal.
    loss: Option<f64>,
}

pub(super) struct GreedyAblation<'a, P> {
    pub pool: &'a mut P,
    pub data: &'a PruneData,
    pub edges: &'a EdgeList,
    pub target: f64,
}

/// What the bisection found.
pub(super) enum Bisected {
    Reached(NodeSet),
    /// No number of nodes reached the target; the lowest loss seen.
    Missed(f64),
    Cancelled,
}

impl<P: EvaluatorPool> GreedyAblation<'_, P> {
    /// Loss on the screening prompts, calibrated there.
    async fn screen(&mut self, nodes: &NodeSet) -> Result<f64> {
        Ok(self.pool.calibrate(&self.data.screen, nodes).await?.1)
    }

    /// The loss on the screening prompts of `nodes` without `node`; `None` when the coarse check shows that it is hopeless.
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

    fn report(&self, stage: Stage, step: usize, of: usize, loss: f64, nodes: &NodeSet) -> Progress {
        Progress { stage, step, of, loss, nodes: nodes.len(), edges: self.edges.count(nodes) }
    }

    /// The fewest nodes, in the order of their parameters (ties by importance), whose loss on the screening prompts is at most the
    /// target, and as many more as the train and validation pairs need for the same; at most `max` nodes.
    pub async fn bisect(
        &mut self,
        learnt: &MaskState,
        max: usize,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Bisected> {
        let n = learnt.theta.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| {
            let by = |values: &[f32]| values[b].total_cmp(&values[a]);
            by(&learnt.theta).then(by(&learnt.importance)).then(a.cmp(&b))
        });
        let keep = |count: usize| {
            let mut nodes = NodeSet::empty(n);
            order[..count].iter().for_each(|&node| nodes.insert(node));
            nodes
        };
        let max = max.min(n);
        let (mut low, mut high) = (0, learnt.running().len().clamp(1, max));
        let mut lowest = f64::INFINITY;
        // more nodes than learning left on, where it left too few
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
        // the screening prompts may be easier than the others
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

    /// Removes nodes while the loss stays at or below the target. First on the screening prompts, cheapest loss for its edges first;
    /// then back to the longest run of those removals that holds on the train and validation pairs; then, node by node, on those
    /// pairs alone. `None` when cancelled.
    pub async fn remove_useless(
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
            // usually only the last few removals are too many
            next = if fails - holds > 8 { fails - 3 } else { (holds + fails) / 2 };
        }
        let best = match best {
            Some(best) => best,
            None => self.measure(start).await?,
        };
        self.remove_on_all(best, progress).await
    }

    /// What removing each node would cost, to first order.
    async fn estimate(&mut self, nodes: &NodeSet) -> Result<Vec<f64>> {
        let prompts = &self.data.screen;
        let chunks: Vec<&Chunk> = prompts.chunks.iter().collect();
        let logit_diffs = self.pool.logit_diffs(prompts, nodes).await?;
        let loss_gradient = LossGradient::fitted(&logit_diffs, &prompts.first, 0.0);
        let job = async |evaluator: &mut Evaluator<P::Backend>, chunk: &Chunk| {
            evaluator.gradient(chunk, nodes, nodes, |d, first| loss_gradient.at(d, first)).await
        };
        let mut costs = vec![0.0; nodes.places()];
        for part in self.pool.map(&chunks, job).await? {
            costs.iter_mut().zip(&part.mask).for_each(|(cost, &g)| *cost -= g as f64 / prompts.first.len() as f64);
        }
        Ok(costs)
    }

    /// Best first: always the node whose removal costs the least loss for its edges. A removal changes what the others cost, mostly
    /// upwards, so a cost is measured again only when it has come to the front; the first costs are estimates by the gradient.
    /// Returns the nodes in the order in which they were removed; `None` when cancelled.
    async fn remove_on_screen(
        &mut self,
        mut nodes: NodeSet,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Vec<usize>>> {
        let estimates = self.estimate(&nodes).await?;
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
                // a node that is needed now will be needed when less is left
                _ => {
                    open.swap_remove(at);
                }
            }
        }
        Ok(Some(removed))
    }

    /// What a removal that raises the loss by `delta` costs for each edge that goes with it; half an edge for the node itself. Among
    /// nodes that change nothing the one with the most edges goes first: their order must not follow the rounding of a backend.
    fn cost(&self, delta: f64, node: usize, nodes: &NodeSet) -> f64 {
        let worth = self.edges.of(node, nodes) as f64 + 0.5;
        let delta = if delta.abs() < ROUNDING { -ROUNDING } else { delta };
        if delta > 0.0 { delta / worth } else { delta * worth }
    }

    /// Tries each node once more on the full sets; the screening prompts only refuse what is hopeless. `None` when cancelled.
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
