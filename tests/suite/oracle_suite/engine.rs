//! The engine as a [`Subject`], on any backend.

use super::vectors::{MaskSequence, Table, VectorEdit, VectorOp};
use super::{MeanAblation, RunOutput, Subject, TaskOutput};
use sparse_circuits::Result;
use sparse_circuits::backend::{Backend, Batch, ChannelAffine, IGNORE};
use sparse_circuits::model::{Config, Hook, Hooks, LogitsAt, Model, Weights, backward, forward, forward_with_trace};
use sparse_circuits::tensor::Activations;
use std::collections::BTreeMap;

pub struct Engine<B: Backend> {
    backend: B,
    model: Model<B>,
}

impl<B: Backend> Engine<B> {
    pub fn new(mut backend: B, weights: &Weights) -> Self {
        let model = weights.upload(&mut backend);
        Engine { backend, model }
    }

    /// The backend, to use again: its next model finds its pipelines made.
    pub fn into_backend(self) -> B {
        self.backend
    }

    /// The first `tokens` rows of a tensor.
    async fn table(&mut self, tensor: &B::Tensor, tokens: usize) -> Table {
        let values = self.backend.read(tensor).await.expect("a reading");
        let cols = values.channels();
        Table { cols, values: values.to_rows()[..tokens * cols].iter().map(|&v| v as f64).collect() }
    }
}

/// Applies the vectors' edits, then copies what is wanted.
struct EditAndRecord<'a, B: Backend> {
    config: &'a Config,
    edits: &'a [VectorEdit],
    wanted: &'a [Hook],
    recorded: Vec<(Hook, B::Tensor)>,
}

impl<B: Backend> Hooks<B> for EditAndRecord<'_, B> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        for edit in self.edits.iter().filter(|edit| edit.hook == hook) {
            let changes = channel_changes(edit);
            let Some(positions) = &edit.positions else {
                backend.channel_affine(&changes, x);
                continue;
            };
            // at some positions only: changed in a copy, patched from there
            let tokens = backend.tokens(x);
            let mut changed = backend.tensor(hook.width(self.config), tokens);
            backend.copy(x, &mut changed);
            backend.channel_affine(&changes, &mut changed);
            let channels: Vec<u32> = changes.iter().map(|change| change.channel).collect();
            let positions: Vec<(u32, u32)> = positions.iter().map(|&p| (p as u32, p as u32)).collect();
            backend.patch(&changed, &channels, &positions, x);
        }
        if self.wanted.contains(&hook) {
            let tokens = backend.tokens(x);
            let mut copy = backend.tensor(hook.width(self.config), tokens);
            backend.copy(x, &mut copy);
            self.recorded.push((hook, copy));
        }
        Ok(())
    }
}

fn channel_changes(edit: &VectorEdit) -> Vec<ChannelAffine> {
    let change = |(at, &channel): (usize, &usize)| {
        let (scale, shift) = match edit.op {
            VectorOp::Zero => (0.0, 0.0),
            VectorOp::Set => (0.0, edit.values[at] as f32),
            VectorOp::Scale => (edit.factor as f32, 0.0),
        };
        ChannelAffine { channel: channel as u32, scale, shift }
    };
    edit.channels.iter().enumerate().map(change).collect()
}

/// Node masks with mean ablation, and their gradients.
struct Masks<B: Backend>(BTreeMap<Hook, Mask<B>>);

struct Mask<B: Backend> {
    mask: B::Vector,
    mean: B::Vector,
    gradient: B::Gradient,
}

impl<B: Backend> Hooks<B> for Masks<B> {
    fn ablates(&self, hook: Hook) -> bool {
        self.0.contains_key(&hook)
    }

    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        if let Some(mask) = self.0.get(&hook) {
            backend.mean_ablate(&mask.mask, &mask.mean, x);
        }
        Ok(())
    }

    fn backward(&mut self, backend: &mut B, hook: Hook, before: &B::Tensor, grad: &mut B::Tensor) {
        let mask = self.0.get_mut(&hook).expect("a hook that ablates");
        backend.mean_ablate_backward(&mask.mask, &mask.mean, before, grad, &mut mask.gradient);
    }
}

impl<B: Backend> Subject for Engine<B> {
    async fn run(&mut self, tokens: &[u32], edits: &[VectorEdit], hooks: &[Hook]) -> RunOutput {
        let config = self.model.config.clone();
        let mut hooks = EditAndRecord { config: &config, edits, wanted: hooks, recorded: Vec::new() };
        let batch = Batch::new(&[tokens]);
        let logits =
            forward(&mut self.backend, &self.model, &batch, LogitsAt::Every, &mut hooks).expect("a forward pass");
        let recorded = hooks.recorded;
        let logits = self.table(&logits, tokens.len()).await;
        let mut activations = BTreeMap::new();
        for (hook, tensor) in recorded {
            activations.insert(hook, self.table(&tensor, tokens.len()).await);
        }
        RunOutput { logits, activations }
    }

    async fn next_token_loss(&mut self, tokens: &[u32], targets: &[Option<usize>]) -> f64 {
        let batch = Batch::new(&[tokens]);
        let logits = forward(&mut self.backend, &self.model, &batch, LogitsAt::Every, &mut ()).expect("a forward pass");
        let (targets, weight) = batch_targets(&batch, &[targets]);
        let rows = batch.tokens().len();
        let mut losses = self.backend.tensor(1, rows);
        let mut grad = self.backend.tensor(self.model.config.vocab_size, rows);
        self.backend.cross_entropy(&logits, &targets, weight, &mut losses, &mut grad);
        self.table(&losses, rows).await.values.iter().sum()
    }

    async fn task(&mut self, sequences: &[MaskSequence], ablations: &[MeanAblation]) -> TaskOutput {
        let batch = Batch::new(&sequences.iter().map(|sequence| &sequence.tokens).collect::<Vec<_>>());
        let mut masks = Masks(BTreeMap::new());
        for ablation in ablations {
            let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
            let mask = Mask {
                mask: self.backend.vector(&single(&ablation.mask)),
                mean: self.backend.vector(&single(&ablation.mean)),
                gradient: self.backend.gradient(1, ablation.mask.len()),
            };
            masks.0.insert(ablation.hook, mask);
        }
        let (logits, trace) = forward_with_trace(&mut self.backend, &self.model, &batch, LogitsAt::Last, &mut masks)
            .expect("a forward pass");
        let pairs: Vec<(u32, u32)> = sequences.iter().map(|s| (s.target as u32, s.alternative as u32)).collect();
        let logits = self.backend.read(&logits).await.expect("a reading");
        let (losses, grad) = candidate_loss(&logits, &pairs);
        let grad = self.backend.upload(&grad);
        backward(&mut self.backend, &self.model, &batch, trace, &grad, &mut masks, None);
        let last_logits =
            Table { cols: logits.channels(), values: logits.to_rows().iter().map(|&v| v as f64).collect() };
        let mut gradients = BTreeMap::new();
        for (hook, mask) in masks.0 {
            let gradient = self.backend.read_gradient(&mask.gradient).await.expect("a reading");
            gradients.insert(hook, gradient.data.iter().map(|&v| v as f64).collect());
        }
        TaskOutput { losses, last_logits, gradients: Some(gradients) }
    }
}

/// The cross entropy of each softmax over two candidates, row `i` wanting `pairs[i].0` and not `pairs[i].1`; and the gradient of their
/// mean by the logits.
fn candidate_loss(logits: &Activations, pairs: &[(u32, u32)]) -> (Vec<f64>, Activations) {
    let mut grad = Activations::zeros(logits.channels(), logits.tokens());
    let mut losses = Vec::new();
    for (i, &(wanted, other)) in pairs.iter().enumerate() {
        let [wanted, other] = [wanted, other].map(|token| token as usize);
        let logit_diff = f64::from(logits.get(i, wanted)) - f64::from(logits.get(i, other));
        // -log sigmoid(d) = log(1 + exp(-d)), stable on both sides
        losses.push((-logit_diff.abs()).exp().ln_1p() + (-logit_diff).max(0.0));
        let slope = (1.0 / (1.0 + logit_diff.exp()) / pairs.len() as f64) as f32;
        grad.set(i, wanted, -slope);
        grad.set(i, other, slope);
    }
    (losses, grad)
}

/// The targets of a batch with its padding, and the weight of each that gives the mean over all of them.
pub fn batch_targets(batch: &Batch, targets: &[&[Option<usize>]]) -> (Vec<u32>, f32) {
    let mut out = vec![IGNORE; batch.tokens().len()];
    for (span, targets) in batch.spans().iter().zip(targets) {
        for (out, target) in out[span.start..].iter_mut().zip(*targets) {
            *out = target.map_or(IGNORE, |target| target as u32);
        }
    }
    let count = out.iter().filter(|target| **target != IGNORE).count();
    (out, 1.0 / count as f32)
}
