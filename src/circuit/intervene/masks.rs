//! Node masks with mean ablation, `x = m x + (1 - m) mean` (Gao et al. 2025, A.5): a node with mask 1 runs, a node with mask 0 is
//! held at its mean.

use crate::Result;
use crate::backend::Backend;
use crate::circuit::definition::{NodeSet, NodeSpace};
use crate::model::{Hook, Hooks};
use std::collections::BTreeMap;
use std::ops::Range;

/// Mask and mean of each channel at one hook.
struct HookMask<B: Backend> {
    mask: B::Vector,
    mean: B::Vector,
}

impl<B: Backend> HookMask<B> {
    fn new(backend: &mut B, mask: &[f32], mean: &[f32]) -> HookMask<B> {
        HookMask { mask: backend.vector(mask), mean: backend.vector(mean) }
    }

    fn apply(&self, backend: &mut B, x: &mut B::Tensor) {
        backend.mean_ablate(&self.mask, &self.mean, x);
    }
}

/// Masks of zeros and ones on a device.
pub struct DeviceMasks<B: Backend> {
    /// Hooks whose nodes all run have none.
    hooks: BTreeMap<Hook, HookMask<B>>,
}

impl<B: Backend> DeviceMasks<B> {
    /// Every node runs.
    pub fn none() -> DeviceMasks<B> {
        DeviceMasks { hooks: BTreeMap::new() }
    }

    /// The nodes of `active` run, the others are held at their means. `mean` gives the means of a hook's nodes, which have the
    /// given places in `space`; it is asked only for hooks with a held node.
    ///
    /// # Errors
    /// What `mean` returns.
    pub fn new<'a>(
        backend: &mut B,
        space: &NodeSpace,
        active: &NodeSet,
        mean: impl Fn(Hook, Range<usize>) -> Result<&'a [f32]>,
    ) -> Result<DeviceMasks<B>> {
        let mut hooks = BTreeMap::new();
        for (hook, range) in space.hooks() {
            let mask = active.mask(range.clone());
            if mask.contains(&0.0) {
                hooks.insert(hook, HookMask::new(backend, &mask, mean(hook, range)?));
            }
        }
        Ok(DeviceMasks { hooks })
    }
}

impl<B: Backend> Hooks<B> for &DeviceMasks<B> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if let Some(mask) = self.hooks.get(&hook) {
            mask.apply(backend, x);
        }
        Ok(())
    }
}

/// Masks that also collect the gradient of the loss by each mask entry, summed over tokens and batches.
pub struct LearningMasks<B: Backend> {
    hooks: BTreeMap<Hook, (HookMask<B>, B::Gradient)>,
}

impl<B: Backend> LearningMasks<B> {
    /// `mask` and `means` have one number for each node of `space`. Mask entries between 0 and 1 mix value and mean.
    pub fn new(backend: &mut B, space: &NodeSpace, mask: &[f32], means: &[f32]) -> LearningMasks<B> {
        let hooks = space
            .hooks()
            .map(|(hook, range)| {
                let gradient = backend.gradient(1, range.len());
                (hook, (HookMask::new(backend, &mask[range.clone()], &means[range]), gradient))
            })
            .collect();
        LearningMasks { hooks }
    }

    /// The gradient by each mask entry, in the order of the node space.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn gradient(&self, backend: &mut B, space: &NodeSpace) -> Result<Vec<f32>> {
        let gradients: Vec<&B::Gradient> = space.hooks().map(|(hook, _)| &self.hooks[&hook].1).collect();
        Ok(backend.read_gradients(&gradients).await?.into_iter().flat_map(|gradient| gradient.data).collect())
    }
}

impl<B: Backend> Hooks<B> for LearningMasks<B> {
    fn ablates(&self, hook: Hook) -> bool {
        self.hooks.contains_key(&hook)
    }

    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if let Some((mask, _)) = self.hooks.get(&hook) {
            mask.apply(backend, x);
        }
        Ok(())
    }

    fn backward(&mut self, backend: &mut B, hook: Hook, before: &B::Tensor, grad: &mut B::Tensor) {
        if let Some((HookMask { mask, mean }, gradient)) = self.hooks.get_mut(&hook) {
            backend.mean_ablate_backward(mask, mean, before, grad, gradient);
        }
    }
}
