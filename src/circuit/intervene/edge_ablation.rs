//! Switching single edges off: path patching with the mean. The target of an edge reads the mean of its source, and everything else
//! reads the source as it is. docs/circuits.md has the formulas.

use super::plan::{Means, Plan, Source, mean};
use crate::backend::{Backend, ChannelAffine};
use crate::circuit::definition::{EdgeId, Target};
use crate::model::{Config, Hook, Inputs, LogitInputs, Node, Site, copy, norm};
use crate::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// A source of edges that are off, and its mean.
#[derive(Clone, Copy, PartialEq)]
struct OffSource {
    node: Node,
    mean: f32,
}

/// Targets that read the means of the same sources.
struct Group {
    /// `None`: the logits.
    hook: Option<Hook>,
    /// Channels of `hook`, or token ids.
    targets: Vec<u32>,
    sources: Vec<OffSource>,
}

/// The edges that are off, in groups that need one computation each.
pub struct OffEdges {
    groups: Vec<Group>,
}

impl OffEdges {
    /// `candidates` are the token ids of `logit.0` and `logit.1`.
    ///
    /// # Errors
    /// Edges that the model does not have, a mean that was not measured, an edge to a logit without candidates.
    pub fn new(
        config: &Config,
        means: &Means,
        candidates: Option<[u32; 2]>,
        edges: &BTreeSet<EdgeId>,
    ) -> Result<OffEdges> {
        // the edges of one target together
        let mut groups: Vec<Group> = Vec::new();
        for edge in edges {
            edge.check(config)?;
            let EdgeId { from, to } = *edge;
            let mean = mean(means, from.hook, &format!("switching the edge {edge} off"))?[from.index];
            let (hook, target) = match (to, candidates) {
                (Target::Node(node), _) => (Some(node.hook), node.index as u32),
                (Target::Logit(index), Some(candidates)) => (None, candidates[index]),
                (Target::Logit(_), None) => bail!(
                    "switching the edge {edge} off needs the task's candidates, which a circuit names (the command line takes one as --circuit FILE)"
                ),
            };
            let source = OffSource { node: from, mean };
            match groups.iter_mut().find(|group| group.hook == hook && group.targets == [target]) {
                Some(group) => group.sources.push(source),
                None => groups.push(Group { hook, targets: vec![target], sources: vec![source] }),
            }
        }
        // targets with the same sources share a computation
        let mut merged: Vec<Group> = Vec::new();
        for group in groups {
            match merged.iter_mut().find(|other| other.hook == group.hook && other.sources == group.sources) {
                Some(other) => other.targets.extend(group.targets),
                None => merged.push(group),
            }
        }
        Ok(OffEdges { groups: merged })
    }

    fn at(&self, hook: Option<Hook>) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(move |group| group.hook == hook)
    }

    /// Whether an edge that is off starts at a write of this hook. Reads and logits need its values later in the pass.
    pub fn start_at_write(&self, hook: Hook) -> bool {
        matches!(hook, Hook::At { site: Site::AttnResidDelta | Site::MlpResidDelta, .. })
            && self.groups.iter().flat_map(|group| &group.sources).any(|source| source.node.hook == hook)
    }
}

/// What the changes at a hook need of the pass.
pub struct PassState<'a, B: Backend> {
    pub config: &'a Config,
    pub plan: &'a Plan<B>,
    pub source: Option<&'a Source<'a, B>>,
    /// The writes for which [`OffEdges::start_at_write`] holds, after the edits.
    pub writes: &'a BTreeMap<Hook, B::Tensor>,
}

impl<B: Backend> PassState<'_, B> {
    /// Computes the sums of the targets at `hook` again from inputs with the means, and puts them into `y`.
    ///
    /// # Errors
    /// What [`Plan::apply`] refuses.
    pub fn sums(&self, backend: &mut B, hook: Hook, inputs: Inputs<'_, B>, y: &mut B::Tensor) -> Result<()> {
        let config = self.config;
        let tokens = backend.tokens(y);
        for Group { targets, sources, .. } in self.plan.off_edges.at(Some(hook)) {
            let again = match inputs {
                Inputs::Linear { linear, x } => {
                    let x = with_means(backend, config, sources, x);
                    let mut again = backend.tensor(hook.width(config), tokens);
                    backend.matmul(&linear.weight, linear.bias.as_ref(), &x, &mut again);
                    backend.recycle(x);
                    again
                }
                Inputs::Attention { linear, spans, sinks, q, k, v } => {
                    let v = with_means(backend, config, sources, v);
                    let mut mixed = backend.tensor(config.d_attn(), tokens);
                    backend.attention(spans, config.d_head, sinks, q, k, &v, &mut mixed);
                    let Hook::At { layer, .. } = hook else { continue };
                    self.plan.apply(backend, Hook::at(layer, Site::AttnY), self.source, &mut mixed)?;
                    let mut again = backend.tensor(config.d_model, tokens);
                    backend.matmul(&linear.weight, linear.bias.as_ref(), &mixed, &mut again);
                    backend.recycle(v);
                    backend.recycle(mixed);
                    again
                }
                Inputs::Norm { norm: ln, resid } => {
                    let resid = self.stream_with_means(backend, sources, resid, None);
                    let mut again = backend.tensor(config.d_model, tokens);
                    norm(backend, config, ln, &resid, &mut again);
                    backend.recycle(resid);
                    again
                }
            };
            backend.patch(&again, targets, &each(tokens), y);
            backend.recycle(again);
        }
        Ok(())
    }

    /// As [`Self::sums`], of the logits. Each channel of the final norm is that of a stream with the means of its own writes.
    pub fn logits(&self, backend: &mut B, inputs: LogitInputs<'_, B>, logits: &mut B::Tensor) {
        let config = self.config;
        let LogitInputs { model, resid, normed, tokens } = inputs;
        let columns = backend.tokens(logits);
        for Group { targets, sources, .. } in self.plan.off_edges.at(None) {
            let mut read = copy(backend, normed, config.d_model);
            for (at, &OffSource { node: Node { index: channel, .. }, .. }) in sources.iter().enumerate() {
                let in_channel = |source: &OffSource| source.node.index == channel;
                if sources[..at].iter().any(in_channel) {
                    continue;
                }
                let of_channel: Vec<OffSource> = sources.iter().copied().filter(in_channel).collect();
                let resid = self.stream_with_means(backend, &of_channel, resid, tokens);
                let mut again = backend.tensor(config.d_model, columns);
                norm(backend, config, &model.ln_f, &resid, &mut again);
                backend.patch(&again, &[channel as u32], &each(columns), &mut read);
                backend.recycle(resid);
                backend.recycle(again);
            }
            let mut again = backend.tensor(config.vocab_size, columns);
            backend.matmul(model.unembedding(), model.final_logits_bias.as_ref(), &read, &mut again);
            backend.patch(&again, targets, &each(columns), logits);
            backend.recycle(read);
            backend.recycle(again);
        }
    }

    /// The stream at `tokens` of the pass (`None`: all) with each source at its mean: `resid + (mean - value)` in the source's channel.
    fn stream_with_means(
        &self,
        backend: &mut B,
        sources: &[OffSource],
        resid: &B::Tensor,
        tokens: Option<&[u32]>,
    ) -> B::Tensor {
        let d_model = self.config.d_model;
        let columns = backend.tokens(resid);
        let pairs = match tokens {
            None => each(columns),
            Some(tokens) => tokens.iter().copied().zip(0..).collect(),
        };
        let mut stream = copy(backend, resid, d_model);
        let mut change = backend.tensor(d_model, columns);
        for &OffSource { node, mean } in sources {
            // the pass reaches every write before what reads it
            let Some(value) = self.writes.get(&node.hook) else { continue };
            let channel = node.index as u32;
            backend.zero(&mut change);
            backend.patch(value, &[channel], &pairs, &mut change);
            backend.channel_affine(&[ChannelAffine { channel, scale: -1.0, shift: mean }], &mut change);
            backend.add(&change, &mut stream);
        }
        backend.recycle(change);
        stream
    }
}

/// `x` with the sources at their means. The sources are of one hook, whose values `x` holds.
fn with_means<B: Backend>(backend: &mut B, config: &Config, sources: &[OffSource], x: &B::Tensor) -> B::Tensor {
    let width = sources.first().map_or(0, |source| source.node.hook.width(config));
    let mut x = copy(backend, x, width);
    let means: Vec<ChannelAffine> = sources
        .iter()
        .map(|source| ChannelAffine { channel: source.node.index as u32, scale: 0.0, shift: source.mean })
        .collect();
    backend.channel_affine(&means, &mut x);
    x
}

/// Each token with itself.
fn each(tokens: usize) -> Vec<(u32, u32)> {
    (0..tokens as u32).map(|token| (token, token)).collect()
}
