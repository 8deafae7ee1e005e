//! Node masks with mean ablation (Gao et al. 2025, A.5): one number a node, 1 = runs, 0 = held at its mean.

use super::Circuit;
use crate::backend::Backend;
use crate::model::{Config, Hook, Hooks, Node};
use crate::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// All nodes of a model in one row: masks, means and mask gradients are slices in this order (node hooks in the order of
/// [`Hook::node_hooks`], channels inside).
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpace {
    hooks: Vec<(Hook, Range<usize>)>,
}

impl NodeSpace {
    pub fn new(config: &Config) -> NodeSpace {
        let mut start = 0;
        let hooks = Hook::node_hooks(config.n_layer)
            .into_iter()
            .map(|hook| {
                let range = start..start + hook.width(config);
                start = range.end;
                (hook, range)
            })
            .collect();
        NodeSpace { hooks }
    }

    /// Number of nodes.
    #[allow(clippy::len_without_is_empty)] // a model has nodes
    pub fn len(&self) -> usize {
        self.hooks.last().map_or(0, |(_, range)| range.end)
    }

    pub fn hooks(&self) -> impl Iterator<Item = (Hook, Range<usize>)> + '_ {
        self.hooks.iter().cloned()
    }

    /// The nodes at a hook; `None` when it is not one of nodes.
    pub fn range(&self, hook: Hook) -> Option<Range<usize>> {
        self.hooks.iter().find(|(at, _)| *at == hook).map(|(_, range)| range.clone())
    }

    /// `index` must be below [`NodeSpace::len`].
    pub fn node(&self, index: usize) -> Node {
        let at = self.hooks.partition_point(|(_, range)| range.end <= index);
        let (hook, range) = &self.hooks[at];
        Node::new(*hook, index - range.start)
    }

    /// # Errors
    /// When the model has no such node.
    pub fn index(&self, node: Node) -> Result<usize> {
        match self.range(node.hook) {
            Some(range) if node.index < range.len() => Ok(range.start + node.index),
            _ => bail!("{node} is not a node of this model"),
        }
    }

    /// 1 at `nodes`, 0 elsewhere.
    ///
    /// # Errors
    /// When the model has no such node.
    pub fn mask<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) -> Result<Vec<f32>> {
        let mut mask = vec![0.0; self.len()];
        for &node in nodes {
            mask[self.index(node)?] = 1.0;
        }
        Ok(mask)
    }

    /// The nodes where `mask` is not zero.
    pub fn nodes(&self, mask: &[f32]) -> BTreeSet<Node> {
        (0..mask.len()).filter(|&i| mask[i] != 0.0).map(|i| self.node(i)).collect()
    }

    /// The means at the node hooks in one row.
    ///
    /// # Errors
    /// When a hook's means are missing or of another width.
    pub fn means(&self, means: &BTreeMap<Hook, Vec<f32>>) -> Result<Vec<f32>> {
        let mut row = Vec::with_capacity(self.len());
        for (hook, range) in &self.hooks {
            match means.get(hook) {
                Some(mean) if mean.len() == range.len() => row.extend(mean),
                Some(mean) => {
                    bail!("the means at {hook} are {} numbers; the model has {} channels", mean.len(), range.len())
                }
                None => bail!("the model file holds no means for {hook}; `sparse-circuits means` measures them"),
            }
        }
        Ok(row)
    }

    /// 1 at the circuit's nodes, 0 elsewhere.
    ///
    /// # Errors
    /// When the circuit is of another model.
    pub fn circuit(&self, circuit: &Circuit) -> Result<Vec<f32>> {
        self.mask(&circuit.nodes)
    }
}

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
            backend.gate(&gate.mask, &gate.mean, x);
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
    fn gates(&self, hook: Hook) -> bool {
        self.gates.contains_key(&hook)
    }

    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if let Some((gate, _)) = self.gates.get(&hook) {
            backend.gate(&gate.mask, &gate.mean, x);
        }
        Ok(())
    }

    fn backward(&mut self, backend: &mut B, hook: Hook, before: &B::Tensor, grad: &mut B::Tensor) {
        if let Some((gate, gradient)) = self.gates.get_mut(&hook) {
            backend.gate_back(&gate.mask, &gate.mean, before, grad, gradient);
        }
    }
}
