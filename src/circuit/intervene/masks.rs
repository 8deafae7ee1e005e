//! Node masks with mean ablation (Gao et al. 2025, A.5): one number a node, 1 = runs, 0 = held at its mean.

use crate::Result;
use crate::backend::Backend;
use crate::circuit::definition::NodeSpace;
use crate::model::{Hook, Hooks};
use std::collections::BTreeMap;

/// Mask and means of each hook on a device.
pub struct DeviceMasks<B: Backend> {
    gates: BTreeMap<Hook, Gate<B>>,
}

struct Gate<B: Backend> {
    mask: B::Vector,
    mean: B::Vector,
}

impl<B: Backend> DeviceMasks<B> {
    /// Hooks whose nodes all run are left alone.
    pub fn new(backend: &mut B, space: &NodeSpace, mask: &[f32], means: &[f32]) -> DeviceMasks<B> {
        let gates = space
            .hooks()
            .filter(|(_, range)| mask[range.clone()].iter().any(|m| *m != 1.0))
            .map(|(hook, range)| {
                let gate = Gate { mask: backend.vector(&mask[range.clone()]), mean: backend.vector(&means[range]) };
                (hook, gate)
            })
            .collect();
        DeviceMasks { gates }
    }
}

impl<B: Backend> Hooks<B> for &DeviceMasks<B> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if let Some(gate) = self.gates.get(&hook) {
            backend.mean_ablate(&gate.mask, &gate.mean, x);
        }
        Ok(())
    }
}

/// Masks that also collect the loss's gradient by each mask entry, as a sum over tokens and batches.
pub struct LearningMasks<B: Backend> {
    gates: BTreeMap<Hook, (Gate<B>, B::Gradient)>,
}

impl<B: Backend> LearningMasks<B> {
    pub fn new(backend: &mut B, space: &NodeSpace, mask: &[f32], means: &[f32]) -> LearningMasks<B> {
        let gates = space
            .hooks()
            .map(|(hook, range)| {
                let gradient = backend.gradient(1, range.len());
                let gate = Gate { mask: backend.vector(&mask[range.clone()]), mean: backend.vector(&means[range]) };
                (hook, (gate, gradient))
            })
            .collect();
        LearningMasks { gates }
    }

    /// The gradient by each mask entry, in the order of the node space.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn gradient(&self, backend: &mut B, space: &NodeSpace) -> Result<Vec<f32>> {
        let gradients: Vec<&B::Gradient> = space.hooks().map(|(hook, _)| &self.gates[&hook].1).collect();
        Ok(backend.read_gradients(&gradients).await?.into_iter().flat_map(|gradient| gradient.data).collect())
    }
}

impl<B: Backend> Hooks<B> for LearningMasks<B> {
    fn ablates(&self, hook: Hook) -> bool {
        self.gates.contains_key(&hook)
    }

    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if let Some((gate, _)) = self.gates.get(&hook) {
            backend.mean_ablate(&gate.mask, &gate.mean, x);
        }
        Ok(())
    }

    fn backward(&mut self, backend: &mut B, hook: Hook, before: &B::Tensor, grad: &mut B::Tensor) {
        if let Some((gate, gradient)) = self.gates.get_mut(&hook) {
            backend.mean_ablate_backward(&gate.mask, &gate.mean, before, grad, gradient);
        }
    }
}
