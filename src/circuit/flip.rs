//! Flipping a circuit's answer: some nodes take their values from the pair's other prompt, token by token from the end, and the
//! likelier candidate should change. Which nodes: the smallest set that does it, chosen on train pairs.

use super::calibrate::argument;
use super::masks::DeviceMasks;
use super::prompts::Prompts;
use super::workers::Workers;
use super::{Calibration, NodeSpace};
use crate::Result;
use crate::backend::{Backend, Span};
use crate::model::{Hook, Hooks};
use std::collections::BTreeMap;

/// The share of train prompts that a set of flip nodes must reverse.
pub const WANTED_SHARE: f64 = 0.95;

/// How often a flip changes which candidate is the likelier one, over both prompts of each pair. `before` and `after` are logit
/// differences without and with the flip.
pub fn reversed_share(calibration: &Calibration, before: &[f32], after: &[f32]) -> f64 {
    let likelier = |difference| argument(calibration, difference) > 0.0;
    let reversed = before.iter().zip(after).filter(|&(&b, &a)| likelier(b) != likelier(a)).count();
    reversed as f64 / before.len() as f64
}

/// A set of flip nodes (indices into the node space, ascending) and the share of prompts that it reverses.
#[derive(Clone, Debug, PartialEq)]
pub struct FlipNodes {
    pub nodes: Vec<usize>,
    pub share: f64,
}

/// The rule: starting from none, add the circuit's node that raises the reversed share most (among equals the one that raises
/// the mean turn of the logits most), until [`WANTED_SHARE`] is reached or no node raises it; then leave out, one at a time,
/// every node without which the share still holds. Shares are those of `prompts` (train pairs), in circuit mode. `circuit` lists
/// the candidates.
///
/// # Errors
/// When the device fails.
pub async fn choose<W: Workers>(
    workers: &mut W,
    prompts: &Prompts,
    mask: &[f32],
    circuit: &[usize],
    calibration: &Calibration,
) -> Result<FlipNodes> {
    let before = workers.differences(prompts, mask).await?;
    let mut chosen: Vec<usize> = Vec::new();
    let mut share = 0.0;
    let mut turned = 0.0;
    while share < WANTED_SHARE {
        let mut best: Option<(f64, f64, usize)> = None;
        for &node in circuit.iter().filter(|node| !chosen.contains(node)) {
            let mut set = chosen.clone();
            set.push(node);
            let after = workers.flipped(prompts, mask, &set).await?;
            let score = (reversed_share(calibration, &before, &after), turn(calibration, &before, &after));
            if best.is_none_or(|(share, turn, _)| score > (share, turn)) {
                best = Some((score.0, score.1, node));
            }
        }
        match best {
            // a node may prepare the ground for the next one: its turn counts while the share stands still
            Some((new, turn, node)) if new > share || new == share && turn > turned + 1e-3 => {
                chosen.push(node);
                (share, turned) = (new, turn);
            }
            _ => break,
        }
    }
    // what an earlier choice did alone, later ones may do together
    let wanted = share.min(WANTED_SHARE);
    for node in chosen.clone() {
        let without: Vec<usize> = chosen.iter().copied().filter(|n| *n != node).collect();
        if without.is_empty() {
            break;
        }
        let after = workers.flipped(prompts, mask, &without).await?;
        let left = reversed_share(calibration, &before, &after);
        if left >= wanted {
            (chosen, share) = (without, left);
        }
    }
    chosen.sort_unstable();
    Ok(FlipNodes { nodes: chosen, share })
}

/// Mean change of the calibrated logit towards the other candidate, each change limited to the way from a sure answer to the
/// other, so that no single prompt decides.
fn turn(calibration: &Calibration, before: &[f32], after: &[f32]) -> f64 {
    let sum: f64 = before
        .iter()
        .zip(after)
        .map(|(&before, &after)| {
            let (before, after) = (argument(calibration, before), argument(calibration, after));
            ((before - after) * before.signum()).clamp(-6.0, 6.0)
        })
        .sum();
    sum / before.len() as f64
}

/// What is copied where, at each hook.
pub(super) struct FlipPlan {
    at: BTreeMap<Hook, (Vec<u32>, usize)>,
    tokens: Vec<(u32, u32)>,
}

/// Masks, then the flip: the second half of a batch's sequences repeats the first, and takes the flip nodes' values from the
/// partners (sequence `i ^ 1`) in the first half, which stay as they are.
pub(super) struct FlipHooks<'a, B: Backend> {
    masks: &'a DeviceMasks<B>,
    plan: &'a FlipPlan,
}

impl<'a, B: Backend> FlipHooks<'a, B> {
    pub fn new(masks: &'a DeviceMasks<B>, plan: &'a FlipPlan) -> Self {
        FlipHooks { masks, plan }
    }
}

impl FlipPlan {
    pub fn new(space: &NodeSpace, flip: &[usize], spans: &[Span]) -> FlipPlan {
        let mut at: BTreeMap<Hook, (Vec<u32>, usize)> = BTreeMap::new();
        for &node in flip {
            let node = space.node(node);
            let width = space.range(node.hook).map_or(0, |range| range.len());
            at.entry(node.hook).or_insert((Vec::new(), width)).0.push(node.index as u32);
        }
        let half = spans.len() / 2;
        let mut tokens = Vec::new();
        for i in 0..half {
            let (from, to) = (spans[i ^ 1], spans[half + i]);
            let shared = from.len.min(to.len);
            let (from, to) = (from.start + from.len - shared, to.start + to.len - shared);
            tokens.extend((0..shared).map(|t| ((from + t) as u32, (to + t) as u32)));
        }
        FlipPlan { at, tokens }
    }
}

impl<B: Backend> Hooks<B> for FlipHooks<'_, B> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        (&mut &*self.masks).forward(backend, hook, x)?;
        if let Some((channels, width)) = self.plan.at.get(&hook) {
            let tokens = backend.tokens(x);
            let mut source = backend.tensor(*width, tokens);
            backend.copy(x, &mut source);
            backend.patch(&source, channels, &self.plan.tokens, x);
            backend.recycle(source);
        }
        Ok(())
    }
}
