//! A circuit: the nodes that do a task, and their scores.

use super::Label;
use crate::model::{Config, Node};
use crate::{Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The nodes that do a task (Gao et al. 2025, 2.2), with everything that a page or a command needs to run them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circuit {
    /// Name of the task: `single_double_quote`.
    pub task: String,
    /// Token ids of the task's candidates; the first one is the right answer to prompt A of a pair.
    pub candidate_ids: [u32; 2],
    pub nodes: BTreeSet<Node>,
    /// The nodes whose values a flip takes from prompt B.
    #[serde(default)]
    pub flip_nodes: BTreeSet<Node>,
    pub calibration: Calibration,
    /// For each node a name, or a description computed from its values on train pairs.
    #[serde(default)]
    pub labels: BTreeMap<Node, Label>,
    /// Scores on test pairs. `sparse-circuits prune` and `publish` write them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// Nested circuits, smallest first: each adds one node to the one before. This circuit is one of them. Empty where they were not
    /// searched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<Nested>,
}

/// A circuit of a nested series: its node and the nodes of all before it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nested {
    pub adds: Node,
    pub edges: u32,
    /// Calibrated, on validation pairs, in nats.
    pub loss: f64,
    pub calibration: Calibration,
}

/// Logit calibration of the ablated model: `p(first candidate) = sigmoid(scale * d + shift)`, `d = (l0 - l1) / std`, fitted on train pairs
/// (Gao et al. 2025, A.5, in a form for two candidates).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Above 0, at most 3.
    pub scale: f32,
    pub shift: f32,
    /// Standard deviation of the logit difference over the train pairs, above 0.
    #[serde(rename = "deviation")]
    pub std: f32,
}

impl Default for Calibration {
    /// The raw logits.
    fn default() -> Self {
        Calibration { scale: 1.0, shift: 0.0, std: 1.0 }
    }
}

/// Measured on test pairs; losses in nats (softmax over the two candidates), shares 0..1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scores {
    /// Of the circuit, calibrated.
    pub loss: f64,
    pub accuracy: f64,
    /// Of the full model.
    pub unpruned_loss: f64,
    pub unpruned_accuracy: f64,
    /// Of the model with the circuit's nodes at their means.
    pub removed_loss: f64,
    pub removed_accuracy: f64,
    /// Share of pairs whose answer a flip reverses, with the circuit alone and in the full model.
    pub flip_rate_circuit: f64,
    pub flip_rate_full: f64,
    /// On the task's hand-written prompts, of the circuit and of the full model; absent where they were not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handwritten_accuracy: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handwritten_unpruned_accuracy: Option<f64>,
}

impl Circuit {
    /// Checks a circuit against the model that it is to run in.
    ///
    /// # Errors
    /// Nodes that the model does not have or that are not at one of [`crate::model::Site::NODES`], candidates beyond the vocabulary, a
    /// calibration that is not finite and positive.
    pub fn check(&self, config: &Config) -> Result<()> {
        for &node in self.nodes.iter().chain(self.nested.iter().map(|one| &one.adds)) {
            node.check(config)?;
            if !node.is_circuit_node() {
                bail!("the circuit for {} lists {node}, which is not a place where circuits have nodes", self.task);
            }
        }
        for &node in self.flip_nodes.iter().chain(self.labels.keys()) {
            node.check(config)?;
        }
        if let Some(id) = self.candidate_ids.into_iter().find(|&id| id as usize >= config.vocab_size) {
            bail!("the circuit for {} has the candidate token {id}; the model knows {}", self.task, config.vocab_size);
        }
        self.check_calibration()
    }

    /// # Errors
    /// A scale or a deviation that is not finite and above 0, a shift that is not finite.
    pub fn check_calibration(&self) -> Result<()> {
        for Calibration { scale, shift, std } in self.nested.iter().map(|one| one.calibration).chain([self.calibration])
        {
            for (name, number, positive) in [("scale", scale, true), ("shift", shift, false), ("deviation", std, true)]
            {
                if !number.is_finite() || (positive && number <= 0.0) {
                    bail!("the circuit for {} has the calibration {name} = {number}, which is out of range", self.task);
                }
            }
        }
        Ok(())
    }

    /// Checks the nested circuits, where there are some.
    ///
    /// # Errors
    /// A node that two of them add, a series without this circuit, a loss that is not finite or below 0.
    pub fn check_nested(&self) -> Result<()> {
        let Circuit { task, nested, nodes, .. } = self;
        let mut seen = BTreeSet::new();
        if let Some(twice) = nested.iter().find(|one| !seen.insert(one.adds)) {
            bail!("the nested circuits for {task} add {} twice", twice.adds);
        }
        if let Some(bad) = nested.iter().find(|one| !(one.loss.is_finite() && one.loss >= 0.0)) {
            bail!("a nested circuit for {task} has a loss of {}, which is out of range", bad.loss);
        }
        let part = &nested[..nodes.len().min(nested.len())];
        if !nested.is_empty() && part.iter().map(|one| one.adds).collect::<BTreeSet<_>>() != *nodes {
            bail!("the nested circuits for {task} do not have the circuit's own {} nodes among them", nodes.len());
        }
        Ok(())
    }

    /// The nested circuit with `nodes` nodes. It keeps the labels and flip nodes of these nodes and has no scores.
    ///
    /// # Errors
    /// A size that the circuit's file does not have.
    pub fn of_size(&self, nodes: usize) -> Result<Circuit> {
        let Some(last) = nodes.checked_sub(1).and_then(|at| self.nested.get(at)) else {
            match self.nested.len() {
                0 => bail!("the circuit for {} has no nested circuits; `sparse-circuits prune` writes them", self.task),
                most => bail!("the nested circuits for {} have 1 to {most} nodes, not {nodes}", self.task),
            }
        };
        let mut circuit = self.clone();
        circuit.nodes = self.nested[..nodes].iter().map(|one| one.adds).collect();
        circuit.calibration = last.calibration;
        circuit.flip_nodes.retain(|node| circuit.nodes.contains(node));
        circuit.labels.retain(|node, _| circuit.nodes.contains(node));
        circuit.scores = None;
        circuit.nested.clear();
        Ok(circuit)
    }
}

impl Calibration {
    /// The score `scale * (first - second) / std + shift` of the raw logits of the first and the second candidate. The probability of
    /// the first candidate is its sigmoid.
    pub fn score(&self, first: f32, second: f32) -> f64 {
        let d = (first as f64 - second as f64) / self.std as f64;
        self.scale as f64 * d + self.shift as f64
    }
}

/// The probabilities of the first and the second candidate, from a score: `sigmoid(score)` and the rest.
pub fn probabilities(score: f64) -> [f64; 2] {
    [score, -score].map(|z| 1.0 / (1.0 + (-z).exp()))
}
