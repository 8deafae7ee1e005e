//! From learnt masks to a small circuit: bisection over the nodes sorted by parameter, then removal of nodes one at a time while
//! the loss stays under the target.

use super::learn::{Learnt, Slope};
use super::{Progress, PruneData, Stage};
use crate::Result;
use crate::circuit::prompts::{Chunk, Prompts};
use crate::circuit::workers::{Worker, Workers};
use crate::circuit::{Calibration, EdgeList, calibrate};

/// A drop is hopeless when the loss on the few prompts of a glance is this far above the target: about three standard errors.
const HOPELESS: f64 = 0.1;
/// A drop that the screening prompts put this far above the target is still tried on all pairs.
const DOUBTFUL: f64 = 0.02;

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
    /// target; at most `most` of them.
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
        Ok(Bisected::Reached(keep(high)))
    }

    /// Drops nodes while the loss stays under the target: rounds on the screening prompts, cheapest loss per edge first; then the
    /// longest run of those drops that holds on the train and validation pairs; then, node by node, on those alone. `None` when
    /// cancelled.
    pub async fn drop_useless(
        &mut self,
        mask: Vec<f32>,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Candidate>> {
        let start = mask.clone();
        let Some(dropped) = self.drop_on_screen(mask, progress).await? else { return Ok(None) };
        let without = |count: usize| {
            let mut mask = start.clone();
            dropped[..count].iter().for_each(|&node| mask[node] = 0.0);
            mask
        };
        // the most drops that hold on the full sets: all, else by bisection
        let (mut holds, mut fails) = (0, dropped.len() + 1);
        let mut best = self.measure(&without(0)).await?;
        let mut middle = dropped.len();
        while fails - holds > 1 {
            let measured = self.measure(&without(middle)).await?;
            let report = self.report(Stage::Check, middle, dropped.len(), measured.worst(), &measured.mask);
            if !progress(&report).await {
                return Ok(None);
            }
            if measured.worst() <= self.target || measured.worst() <= best.worst() {
                holds = middle;
                best = measured;
            } else {
                fails = middle;
            }
            middle = (holds + fails) / 2;
        }
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

    /// Nodes in the order in which they were dropped.
    async fn drop_on_screen(
        &mut self,
        mut mask: Vec<f32>,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Vec<usize>>> {
        let mut dropped = Vec::new();
        let mut estimates = Some(self.estimate(&mask).await?);
        loop {
            let before = self.screen(&mask).await?;
            let nodes: Vec<usize> = (0..mask.len()).filter(|&i| mask[i] != 0.0).collect();
            let mut costs = Vec::new();
            for (at, &node) in nodes.iter().enumerate() {
                // the first round goes by the gradient: exact costs are a run a node
                let loss = match &estimates {
                    Some(estimates) => Some(before + estimates[node]),
                    None => self.screen_without(&mut mask, node).await?,
                };
                if let Some(loss) = loss {
                    // half an edge for the node itself
                    let worth = self.edges.of(node, &mask) as f64 + 0.5;
                    let rise = loss - before;
                    costs.push((if rise > 0.0 { rise / worth } else { rise * worth }, node, loss));
                }
                if estimates.is_none() && !progress(&self.report(Stage::Drop, at, nodes.len(), before, &mask)).await {
                    return Ok(None);
                }
            }
            let exact = estimates.take().is_none();
            costs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let already = dropped.len();
            for (_, node, alone) in costs {
                // too dear alone: it may become affordable by other drops
                if exact && alone > self.target && dropped.len() == already {
                    continue;
                }
                let loss = self.screen_without(&mut mask, node).await?.unwrap_or(f64::INFINITY);
                if loss <= self.target {
                    mask[node] = 0.0;
                    dropped.push(node);
                }
                if !progress(&self.report(Stage::Drop, nodes.len(), nodes.len(), loss, &mask)).await {
                    return Ok(None);
                }
            }
            if exact && dropped.len() == already {
                return Ok(Some(dropped));
            }
        }
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
    Ok(calibrate::loss(calibration, &differences, &prompts.first))
}
