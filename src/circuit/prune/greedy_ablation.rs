//! From learnt masks to a small circuit: bisection over the nodes sorted by parameter, then removal of nodes one at a time while
//! the loss stays under the target.

use super::learn::{Learnt, Slope};
use super::{Progress, PruneData, Stage};
use crate::Result;
use crate::circuit::definition::{Calibration, EdgeList};
use crate::circuit::evaluate::{self, Chunk, Prompts, Worker, Workers};

/// A drop is hopeless when the loss on the few prompts of a glance is this far above the target: about three standard errors.
const HOPELESS: f64 = 0.1;
/// A drop that the screening prompts put this far above the target is still tried on all pairs.
const DOUBTFUL: f64 = 0.02;
/// Changes of the loss below this (nats) are rounding's: logits agree to about 1e-6 between backends.
const ROUNDING: f64 = 1e-6;

/// A circuit under way: its mask and what was measured on the full sets.
#[derive(Clone)]
pub(super) struct Candidate {
    pub mask: Vec<f32>,
    pub calibration: Calibration,
    pub train_loss: f64,
    pub validation_loss: f64,
}

impl Candidate {
    pub fn worst(&self) -> f64 {
        self.train_loss.max(self.validation_loss)
    }
}

/// A node that may be dropped.
struct Offer {
    node: usize,
    cost: f64,
    /// The loss without it, where that was measured since the last drop.
    loss: Option<f64>,
}

pub(super) struct Shrink<'a, W> {
    pub workers: &'a mut W,
    pub data: &'a PruneData,
    pub edges: &'a EdgeList,
    pub target: f64,
}

/// What the bisection found.
pub(super) enum Bisected {
    Reached(Vec<f32>),
    /// No number of nodes reached the target; the lowest loss seen.
    Missed(f64),
    Cancelled,
}

impl<W: Workers> Shrink<'_, W> {
    /// Loss on the screening prompts, calibrated there.
    async fn screen(&mut self, mask: &[f32]) -> Result<f64> {
        Ok(self.workers.calibrate(&self.data.screen, mask).await?.1)
    }

    /// The loss on the screening prompts when `node` is off too; `None` when a quarter of the prompts shows that it is hopeless.
    async fn screen_without(&mut self, mask: &mut [f32], node: usize) -> Result<Option<f64>> {
        mask[node] = 0.0;
        let quick = self.workers.calibrate(&self.data.glance, mask).await?.1;
        let loss = match quick > self.target + HOPELESS {
            true => None,
            false => Some(self.screen(mask).await?),
        };
        mask[node] = 1.0;
        Ok(loss)
    }

    /// The calibration fitted on the train pairs, and the losses there and on the validation pairs.
    pub async fn measure(&mut self, mask: &[f32]) -> Result<Candidate> {
        let (calibration, train_loss) = self.workers.calibrate(&self.data.train, mask).await?;
        let validation_loss = loss_of(self.workers, &self.data.validation, mask, &calibration).await?;
        Ok(Candidate { mask: mask.to_vec(), calibration, train_loss, validation_loss })
    }

    fn report(&self, stage: Stage, step: usize, of: usize, loss: f64, mask: &[f32]) -> Progress {
        let nodes = mask.iter().filter(|m| **m != 0.0).count();
        Progress { stage, step, of, loss, nodes, edges: self.edges.count(mask) }
    }

    /// The fewest nodes, in the order of their parameters (ties by importance), whose loss on the screening prompts is at most the
    /// target, and as many more as the train and validation pairs need for the same; at most `most` of them.
    pub async fn bisect(
        &mut self,
        learnt: &Learnt,
        most: usize,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Bisected> {
        let n = learnt.theta.len();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| {
            let by = |values: &[f32]| values[b].total_cmp(&values[a]);
            by(&learnt.theta).then(by(&learnt.importance)).then(a.cmp(&b))
        });
        let keep = |count: usize| {
            let mut mask = vec![0.0f32; n];
            order[..count].iter().for_each(|&node| mask[node] = 1.0);
            mask
        };
        let most = most.min(n);
        let (mut low, mut high) = (0, learnt.theta.iter().filter(|t| **t > 0.0).count().clamp(1, most));
        let mut lowest = f64::INFINITY;
        // more nodes than learning left on, where it left too few
        loop {
            let loss = self.screen(&keep(high)).await?;
            lowest = lowest.min(loss);
            if !progress(&self.report(Stage::Bisect, high, most, loss, &keep(high))).await {
                return Ok(Bisected::Cancelled);
            }
            if loss <= self.target {
                break;
            }
            if high == most {
                return Ok(Bisected::Missed(lowest));
            }
            low = high;
            high = (high * 3 / 2 + 1).min(most);
        }
        while high - low > 1 {
            let middle = (low + high) / 2;
            let loss = self.screen(&keep(middle)).await?;
            if loss <= self.target {
                high = middle;
            } else {
                low = middle;
            }
            if !progress(&self.report(Stage::Bisect, middle, most, loss, &keep(middle))).await {
                return Ok(Bisected::Cancelled);
            }
        }
        // the screening prompts may have been the easy ones
        let mut count = high;
        loop {
            let measured = self.measure(&keep(count)).await?;
            if !progress(&self.report(Stage::Bisect, count, most, measured.worst(), &measured.mask)).await {
                return Ok(Bisected::Cancelled);
            }
            if measured.worst() <= self.target {
                return Ok(Bisected::Reached(measured.mask));
            }
            if count == most {
                return Ok(Bisected::Missed(measured.worst()));
            }
            count = (count * 5 / 4 + 1).min(most);
        }
    }

    /// Drops nodes while the loss stays under the target: first on the screening prompts, cheapest loss per edge first; then back to
    /// the longest run of those drops that holds on the train and validation pairs; then, node by node, on those alone. `None` when
    /// cancelled.
    pub async fn drop_useless(
        &mut self,
        start: Vec<f32>,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Candidate>> {
        let Some(dropped) = self.drop_on_screen(start.clone(), progress).await? else { return Ok(None) };
        let without = |count: usize| {
            let mut mask = start.clone();
            dropped[..count].iter().for_each(|&node| mask[node] = 0.0);
            mask
        };
        let (mut holds, mut fails) = (0, dropped.len() + 1);
        let mut best = None;
        let mut next = dropped.len();
        while fails - holds > 1 {
            let measured = self.measure(&without(next)).await?;
            let report = self.report(Stage::Check, next, dropped.len(), measured.worst(), &measured.mask);
            if !progress(&report).await {
                return Ok(None);
            }
            if measured.worst() <= self.target {
                holds = next;
                best = Some(measured);
            } else {
                fails = next;
            }
            // mostly it is a few drops that are too many
            next = if fails - holds > 8 { fails - 3 } else { (holds + fails) / 2 };
        }
        let best = match best {
            Some(best) => best,
            None => self.measure(&start).await?,
        };
        self.drop_on_all(best, progress).await
    }

    /// What dropping each node would cost, to first order.
    async fn estimate(&mut self, mask: &[f32]) -> Result<Vec<f64>> {
        let prompts = &self.data.screen;
        let chunks: Vec<&Chunk> = prompts.chunks.iter().collect();
        let alive: Vec<bool> = mask.iter().map(|m| *m != 0.0).collect();
        let differences = self.workers.differences(prompts, mask).await?;
        let slope = Slope::fitted(&differences, &prompts.first, 0.0);
        let job = async |worker: &mut Worker<W::Backend>, chunk: &Chunk| {
            worker.gradient(chunk, mask, &alive, |d, first| slope.at(d, first)).await
        };
        let mut costs = vec![0.0; mask.len()];
        for part in self.workers.map(&chunks, job).await? {
            costs.iter_mut().zip(&part.mask).for_each(|(cost, &g)| *cost -= g as f64 / prompts.first.len() as f64);
        }
        Ok(costs)
    }

    /// Best first: always the node whose drop costs the least loss for its edges. A drop changes what the others cost, mostly upwards,
    /// so a cost is measured anew only when it has come to the front; the first ones are the gradient's. Nodes in the order in which
    /// they were dropped.
    async fn drop_on_screen(
        &mut self,
        mut mask: Vec<f32>,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Vec<usize>>> {
        let estimates = self.estimate(&mask).await?;
        let mut open: Vec<Offer> = (0..mask.len())
            .filter(|&node| mask[node] != 0.0)
            .map(|node| Offer { node, cost: self.cost(estimates[node], node, &mask), loss: None })
            .collect();
        let mut before = self.screen(&mask).await?;
        let mut dropped = Vec::new();
        while let Some(at) = (0..open.len()).min_by(|&a, &b| open[a].cost.total_cmp(&open[b].cost)) {
            let node = open[at].node;
            if let Some(loss) = open[at].loss {
                open.swap_remove(at);
                mask[node] = 0.0;
                dropped.push(node);
                before = loss;
                open.iter_mut().for_each(|offer| offer.loss = None);
                if !progress(&self.report(Stage::Drop, dropped.len(), dropped.len() + open.len(), loss, &mask)).await {
                    return Ok(None);
                }
                continue;
            }
            match self.screen_without(&mut mask, node).await? {
                Some(loss) if loss <= self.target => {
                    open[at] = Offer { node, cost: self.cost(loss - before, node, &mask), loss: Some(loss) };
                }
                // a node that is needed now will be needed when less is left
                _ => {
                    open.swap_remove(at);
                }
            }
        }
        Ok(Some(dropped))
    }

    /// What a drop that raises the loss by `rise` costs for each edge that goes with it; half an edge for the node itself. Among nodes
    /// that change nothing the one with the most edges goes first: their order must not follow a backend's rounding.
    fn cost(&self, rise: f64, node: usize, mask: &[f32]) -> f64 {
        let worth = self.edges.of(node, mask) as f64 + 0.5;
        let rise = if rise.abs() < ROUNDING { -ROUNDING } else { rise };
        if rise > 0.0 { rise / worth } else { rise * worth }
    }

    /// The last word, on the full sets; the screening prompts only refuse what is hopeless.
    async fn drop_on_all(
        &mut self,
        mut best: Candidate,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Candidate>> {
        let mut nodes: Vec<usize> = (0..best.mask.len()).filter(|&i| best.mask[i] != 0.0).collect();
        nodes.sort_by_key(|&node| std::cmp::Reverse(self.edges.of(node, &best.mask)));
        let count = nodes.len();
        for (at, node) in nodes.into_iter().enumerate() {
            let mut mask = best.mask.clone();
            let loss = self.screen_without(&mut mask, node).await?.unwrap_or(f64::INFINITY);
            if loss <= self.target + DOUBTFUL {
                mask[node] = 0.0;
                let measured = self.measure(&mask).await?;
                if measured.worst() <= self.target {
                    best = measured;
                }
            }
            if !progress(&self.report(Stage::Check, at + 1, count, best.worst(), &best.mask)).await {
                return Ok(None);
            }
        }
        Ok(Some(best))
    }
}

pub(super) async fn loss_of<W: Workers>(
    workers: &mut W,
    prompts: &Prompts,
    mask: &[f32],
    calibration: &Calibration,
) -> Result<f64> {
    let differences = workers.differences(prompts, mask).await?;
    Ok(evaluate::loss(calibration, &differences, &prompts.first))
}
