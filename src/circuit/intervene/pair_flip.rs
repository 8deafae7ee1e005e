//! Flips inside a batch of pairs: nodes take their values from the pair's other prompt.

use super::masks::DeviceMasks;
use super::plan::align;
use crate::Result;
use crate::backend::{Backend, Span};
use crate::circuit::definition::{NodeSet, NodeSpace};
use crate::model::{Hook, Hooks, copy};
use std::collections::BTreeMap;

/// What is copied where, at each hook.
pub struct FlipPlan {
    at: BTreeMap<Hook, (Vec<u32>, usize)>,
    tokens: Vec<(u32, u32)>,
}

/// Masks, then the flip: the second half of a batch's sequences repeats the first, and takes the flip nodes' values from the
/// partners (sequence `i ^ 1`) in the first half, which stay as they are.
pub struct FlipHooks<'a, B: Backend> {
    masks: &'a DeviceMasks<B>,
    plan: &'a FlipPlan,
}

impl<'a, B: Backend> FlipHooks<'a, B> {
    pub fn new(masks: &'a DeviceMasks<B>, plan: &'a FlipPlan) -> Self {
        FlipHooks { masks, plan }
    }
}

impl FlipPlan {
    /// `flip` are the nodes to flip, `spans` the sequences of a batch whose second half repeats the first.
    pub fn new(space: &NodeSpace, flip: &NodeSet, spans: &[Span]) -> FlipPlan {
        let mut at: BTreeMap<Hook, (Vec<u32>, usize)> = BTreeMap::new();
        for node in flip.iter().map(|node| space.node(node)) {
            let width = space.range(node.hook).map_or(0, |range| range.len());
            at.entry(node.hook).or_insert((Vec::new(), width)).0.push(node.index as u32);
        }
        let half = spans.len() / 2;
        let mut tokens = Vec::new();
        for i in 0..half {
            let (from, to) = (spans[i ^ 1], spans[half + i]);
            let shift = |(b, a): (u32, u32)| (from.start as u32 + b, to.start as u32 + a);
            tokens.extend(align(from.len, to.len).into_iter().map(shift));
        }
        FlipPlan { at, tokens }
    }
}

impl<B: Backend> Hooks<B> for FlipHooks<'_, B> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        (&mut &*self.masks).forward(backend, hook, x)?;
        if let Some((channels, width)) = self.plan.at.get(&hook) {
            let source = copy(backend, x, *width);
            backend.patch(&source, channels, &self.plan.tokens, x);
            backend.recycle(source);
        }
        Ok(())
    }
}
