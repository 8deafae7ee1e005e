//! The one place that applies [`Edits`] to a run, so that the page, the command line and the files cannot disagree.

use super::edge_ablation::{OffEdges, PassState};
use super::edits::{Edits, Mode};
use super::masks::DeviceMasks;
use crate::backend::{Backend, ChannelAffine};
use crate::circuit::definition::{Circuit, NodeSpace};
use crate::model::{Config, Hook, Hooks, Inputs, LogitInputs, Node, copy};
use crate::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// Mean of each channel at a hook over the pretraining distribution, as a model file holds them.
pub type Means = BTreeMap<Hook, Vec<f32>>;

/// What happens at one hook after the mode's ablation, in this order.
#[derive(Default)]
struct Change {
    /// Channels that take their values from prompt B.
    patch: Vec<u32>,
    /// Scale, then set, then off.
    edits: Vec<ChannelAffine>,
}

/// [`Edits`], checked against a model and sorted by hook.
pub struct Plan<B: Backend> {
    /// The mode's ablation.
    masks: DeviceMasks<B>,
    changes: BTreeMap<Hook, Change>,
    pub(super) off_edges: OffEdges,
}

impl<B: Backend> Plan<B> {
    /// `candidates` are the token ids of the task's candidates, for edges to the logits; by default those of the circuit.
    ///
    /// # Errors
    /// Nodes and edges that the model does not have, numbers that are not finite, a mode or flip without a circuit, an edge to a logit
    /// without candidates, a mean that was not measured.
    pub fn new(
        backend: &mut B,
        config: &Config,
        means: &Means,
        circuit: Option<&Circuit>,
        candidates: Option<[u32; 2]>,
        edits: &Edits,
    ) -> Result<Plan<B>> {
        check(config, edits)?;
        let masks = ablation(backend, config, means, circuit, edits.mode)?;
        let candidates = candidates.or(circuit.map(|circuit| circuit.candidate_ids));
        let off_edges = OffEdges::new(config, means, candidates, &edits.off_edges)?;
        let mut plan = Plan { masks, changes: BTreeMap::new(), off_edges };
        for node in flipped(circuit, edits)?.iter().chain(&edits.patch) {
            let patch = &mut plan.at(node.hook).patch;
            if !patch.contains(&(node.index as u32)) {
                patch.push(node.index as u32);
            }
        }
        for (node, &factor) in &edits.scale {
            plan.edit(*node, factor, 0.0);
        }
        for (node, &value) in &edits.set {
            plan.edit(*node, 0.0, value);
        }
        for node in &edits.off {
            let mean = mean(means, node.hook, &format!("switching {node} off"))?[node.index];
            plan.edit(*node, 0.0, mean);
        }
        Ok(plan)
    }

    /// Hooks at which values of prompt B are wanted.
    pub fn patched_hooks(&self) -> BTreeSet<Hook> {
        let mut hooks = BTreeSet::new();
        hooks.extend(self.changes.iter().filter(|(_, change)| !change.patch.is_empty()).map(|(hook, _)| *hook));
        hooks
    }

    /// The mode's ablation and the changes at a hook.
    ///
    /// # Errors
    /// A patch without the values of prompt B.
    pub(super) fn apply(
        &self,
        backend: &mut B,
        hook: Hook,
        source: Option<&Source<'_, B>>,
        x: &mut B::Tensor,
    ) -> Result<()> {
        (&mut &self.masks).forward(backend, hook, x)?;
        if let Some(change) = self.changes.get(&hook) {
            if !change.patch.is_empty() {
                let Some((source, tokens)) =
                    source.and_then(|source| Some((source.values.get(&hook)?, &source.tokens)))
                else {
                    bail!("patching and flipping need a second prompt (the command line takes it as --from TEXT)");
                };
                backend.patch(source, &change.patch, tokens, x);
            }
            backend.channel_affine(&change.edits, x);
        }
        Ok(())
    }

    fn at(&mut self, hook: Hook) -> &mut Change {
        self.changes.entry(hook).or_default()
    }

    fn edit(&mut self, node: Node, scale: f32, shift: f32) {
        self.at(node.hook).edits.push(ChannelAffine { channel: node.index as u32, scale, shift });
    }
}

/// The masks of a mode.
fn ablation<B: Backend>(
    backend: &mut B,
    config: &Config,
    means: &Means,
    circuit: Option<&Circuit>,
    mode: Mode,
) -> Result<DeviceMasks<B>> {
    let why = match mode {
        Mode::Full => return Ok(DeviceMasks::none()),
        Mode::Circuit => "running the circuit alone",
        Mode::Removed => "removing the circuit",
    };
    let Some(circuit) = circuit else {
        bail!("{why} needs a circuit (the command line takes one as --circuit FILE)");
    };
    circuit.check(config)?;
    let space = NodeSpace::new(config);
    let inside = space.set(&circuit.nodes)?;
    let active = if mode == Mode::Circuit { inside } else { inside.complement() };
    DeviceMasks::new(backend, &space, &active, |hook, _| mean(means, hook, why))
}

/// The nodes that a flip takes from prompt B; none when the edits ask for no flip.
fn flipped<'a>(circuit: Option<&'a Circuit>, edits: &Edits) -> Result<&'a BTreeSet<Node>> {
    static NONE: BTreeSet<Node> = BTreeSet::new();
    match circuit {
        _ if !edits.flip => Ok(&NONE),
        Some(circuit) if circuit.flip_nodes.is_empty() => {
            bail!("the circuit for {} names no nodes to flip", circuit.task)
        }
        Some(circuit) => Ok(&circuit.flip_nodes),
        None => bail!(
            "a flip needs a circuit, which names the nodes to flip (the command line takes one as --circuit FILE)"
        ),
    }
}

pub(super) fn mean<'a>(means: &'a Means, hook: Hook, why: &str) -> Result<&'a [f32]> {
    match means.get(&hook) {
        Some(mean) => Ok(mean),
        None if means.is_empty() => {
            bail!(
                "{why} needs the means of the model's nodes, which its file lacks; measure them with `sparse-circuits means`"
            )
        }
        None => bail!(
            "{why} needs the mean at {hook}, which the model's file lacks; measure it with `sparse-circuits means`"
        ),
    }
}

/// # Errors
/// A node that the model does not have, a number that is not finite.
fn check(config: &Config, edits: &Edits) -> Result<()> {
    let named = edits.off.iter().chain(&edits.patch).chain(edits.set.keys()).chain(edits.scale.keys());
    for node in named {
        node.check(config)?;
    }
    for (what, numbers) in [("value", &edits.set), ("factor", &edits.scale)] {
        if let Some((node, number)) = numbers.iter().find(|(_, number)| !number.is_finite()) {
            bail!("the {what} {number} of node {node} is not a finite number");
        }
    }
    Ok(())
}

/// Pairs `(token of B, token of A)`, aligned from the end; tokens without a partner are in none.
pub fn align(b: usize, a: usize) -> Vec<(u32, u32)> {
    let shared = a.min(b);
    (0..shared).map(|i| ((b - shared + i) as u32, (a - shared + i) as u32)).collect()
}

/// The values of prompt B, and pairs of a token of B and the token of A that takes its values.
pub struct Source<'a, B: Backend> {
    pub values: &'a BTreeMap<Hook, B::Tensor>,
    pub tokens: Vec<(u32, u32)>,
}

/// Applies a plan during a forward pass and keeps copies of what it is asked for.
pub struct Applied<'a, B: Backend> {
    pub config: &'a Config,
    pub plan: &'a Plan<B>,
    pub source: Option<Source<'a, B>>,
    /// Hooks whose values are kept, as they are after the changes.
    pub record: &'a BTreeSet<Hook>,
    /// Hooks whose values are kept as they were computed, before the changes there.
    pub record_computed: &'a BTreeSet<Hook>,
    pub values: BTreeMap<Hook, B::Tensor>,
    pub computed: BTreeMap<Hook, B::Tensor>,
    /// Writes at which edges that are off start, after the changes.
    pub writes: BTreeMap<Hook, B::Tensor>,
}

impl<B: Backend> Applied<'_, B> {
    fn state(&self) -> PassState<'_, B> {
        PassState { config: self.config, plan: self.plan, source: self.source.as_ref(), writes: &self.writes }
    }
}

impl<B: Backend> Hooks<B> for Applied<'_, B> {
    fn sums(&mut self, backend: &mut B, hook: Hook, inputs: Inputs<'_, B>, y: &mut B::Tensor) -> Result<()> {
        self.state().sums(backend, hook, inputs, y)
    }

    fn logits(&mut self, backend: &mut B, inputs: LogitInputs<'_, B>, logits: &mut B::Tensor) {
        self.state().logits(backend, inputs, logits);
    }

    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if self.record_computed.contains(&hook) {
            let copy = copy(backend, x, hook.width(self.config));
            self.computed.insert(hook, copy);
        }
        self.plan.apply(backend, hook, self.source.as_ref(), x)?;
        if self.plan.off_edges.start_at_write(hook) {
            self.writes.insert(hook, copy(backend, x, hook.width(self.config)));
        }
        if self.record.contains(&hook) {
            let copy = copy(backend, x, hook.width(self.config));
            self.values.insert(hook, copy);
        }
        Ok(())
    }
}
