//! Evaluators run the prompts of a task through a model with some of its nodes held at their means. Searches are written over
//! [`EvaluatorPool`]: one backend, or natively a few CPU threads.

use super::calibrate::calibrate;
use super::fold_constants::{fold_constants, two_logits};
use super::prompts::{Chunk, Prompts};
use crate::backend::{Backend, Batch, Span};
use crate::circuit::definition::{Calibration, EdgeList, NodeSet, NodeSpace};
use crate::circuit::intervene::{DeviceMasks, FlipHooks, FlipPlan, LearningMasks, Means, record};
use crate::model::{Hook, LogitsAt, Model, Weights, backward, forward, forward_with_trace};
use crate::tensor::Activations;
use crate::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A model with the outputs that a task needs, and the means of its nodes.
pub struct TaskModel {
    weights: Weights,
    /// The two outputs of each prompt, where prompts have candidates of their own. Otherwise the model has only two outputs.
    own_candidates: Option<HashMap<Vec<u32>, [u32; 2]>>,
    pub space: NodeSpace,
    /// Mean of each node over the pretraining distribution, in the order of `space`.
    pub means: Vec<f32>,
}

impl TaskModel {
    /// For prompts that all have the same two candidates.
    ///
    /// # Errors
    /// When a hook's means are missing.
    pub fn new(weights: &Weights, means: &Means, candidates: [u32; 2]) -> Result<TaskModel> {
        let space = NodeSpace::new(&weights.config);
        let means = space.means(means)?;
        Ok(TaskModel { weights: two_logits(weights, candidates), own_candidates: None, space, means })
    }

    /// For prompts with candidates of their own. `candidates` has those of each prompt that will run, by the tokens that the model
    /// reads of it.
    ///
    /// # Errors
    /// When a hook's means are missing, or the model has no logit for a candidate.
    pub fn with_own_candidates(
        weights: &Weights,
        means: &Means,
        candidates: HashMap<Vec<u32>, [u32; 2]>,
    ) -> Result<TaskModel> {
        let space = NodeSpace::new(&weights.config);
        let means = space.means(means)?;
        candidates.values().try_for_each(|&candidates| weights.check_candidates(candidates))?;
        Ok(TaskModel { weights: weights.clone(), own_candidates: Some(candidates), space, means })
    }

    /// The model's outputs that are the two candidates, for each prompt of a batch.
    fn outputs(&self, batch: &Batch) -> Result<Vec<[usize; 2]>> {
        let of_prompt = |span: &Span| match &self.own_candidates {
            None => Ok([0, 1]),
            Some(own) => match own.get(&batch.tokens()[span.start..span.start + span.len]) {
                Some(candidates) => Ok(candidates.map(|id| id as usize)),
                None => Err(Error::invalid("the candidates of a prompt are not known")),
            },
        };
        batch.spans().iter().map(of_prompt).collect()
    }

    /// The model's edges.
    pub fn edges(&self) -> EdgeList {
        EdgeList::new(&self.weights, &self.space)
    }

    /// Tokens that the model reads, at most.
    pub fn context(&self) -> usize {
        self.weights.config.block_size
    }
}

/// A backend with a task's model on it.
///
/// The nodes of `active` run in its methods, the others are held at their means. Models and masks of the last call stay on the
/// device, so calls with the same nodes should follow one another.
pub struct Evaluator<B: Backend> {
    backend: B,
    task: Arc<TaskModel>,
    model: Model<B>,
    /// The model with all nodes but these folded away, where that was worth it in the last call.
    folded: Option<(NodeSet, Model<B>)>,
    masks: Option<(NodeSet, DeviceMasks<B>)>,
}

/// What one chunk gives to a step of mask learning.
pub struct ChunkGradient {
    /// Logit difference of each sequence.
    pub logit_diffs: Vec<f32>,
    /// The gradient of the loss by each mask entry, in the order of the node space.
    pub mask: Vec<f32>,
}

impl<B: Backend> Evaluator<B> {
    pub fn new(mut backend: B, task: Arc<TaskModel>) -> Evaluator<B> {
        let model = task.weights.upload(&mut backend);
        Evaluator { backend, task, model, folded: None, masks: None }
    }

    /// The backend, for another task.
    pub fn into_backend(self) -> B {
        self.backend
    }

    /// The first candidate's logit minus the second's, for each sequence of the chunk.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn logit_diffs(&mut self, chunk: &Chunk, active: &NodeSet) -> Result<Vec<f32>> {
        let mut logit_diffs = Vec::with_capacity(chunk.rows.len());
        for part in chunk.split(self.max_tokens()).iter() {
            let outputs = self.task.outputs(&part.batch)?;
            let (backend, model, masks) = self.with_masks(active)?;
            let logits = forward(backend, model, &part.batch, LogitsAt::Last, &mut &*masks)?;
            logit_diffs.extend(read_logit_diffs(backend, logits, &outputs).await?);
        }
        Ok(logit_diffs)
    }

    /// The logit differences of a chunk, and the gradient by the mask (1 at the nodes of `active`, 0 elsewhere) of the loss
    /// whose derivative by a logit difference is `loss_gradient(logit difference, first candidate wanted)`, summed over the
    /// sequences. `alive` holds the nodes whose gradients are wanted, those of `active` among them; the other gradients are wrong.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn gradient(
        &mut self,
        chunk: &Chunk,
        active: &NodeSet,
        alive: &NodeSet,
        loss_gradient: impl Fn(f32, bool) -> f32,
    ) -> Result<ChunkGradient> {
        let mask = active.mask(0..active.places());
        self.gradient_of_mask(chunk, &mask, alive, loss_gradient).await
    }

    /// [`Evaluator::gradient`] at a mask of any numbers.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn gradient_of_mask(
        &mut self,
        chunk: &Chunk,
        mask: &[f32],
        alive: &NodeSet,
        loss_gradient: impl Fn(f32, bool) -> f32,
    ) -> Result<ChunkGradient> {
        self.fold(alive);
        let parts = chunk.split(self.max_tokens());
        let Evaluator { backend, task, model, folded, .. } = self;
        let model = folded.as_ref().map_or(&*model, |(_, model)| model);
        let mut masks = LearningMasks::new(backend, &task.space, mask, &task.means);
        let mut logit_diffs = Vec::with_capacity(chunk.rows.len());
        for part in parts.iter() {
            let (logits, trace) = forward_with_trace(backend, model, &part.batch, LogitsAt::Last, &mut masks)?;
            let outputs = task.outputs(&part.batch)?;
            let of_piece = read_logit_diffs(backend, logits, &outputs).await?;
            let width = task.weights.config.vocab_size;
            let mut rows = vec![0.0; width * of_piece.len()];
            for (i, [first, second]) in outputs.into_iter().enumerate() {
                let gradient = loss_gradient(of_piece[i], part.first[i]);
                rows[i * width + first] = gradient;
                rows[i * width + second] = -gradient;
            }
            let dlogits = backend.upload(&Activations::from_rows(&rows, width));
            backward(backend, model, &part.batch, trace, &dlogits, &mut masks, None);
            logit_diffs.extend(of_piece);
        }
        Ok(ChunkGradient { logit_diffs, mask: masks.gradient(backend, &task.space).await? })
    }

    /// The logit differences of each sequence when the nodes of `flip` take their values from the pair's other prompt, token by
    /// token from the end.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn flipped(&mut self, chunk: &Chunk, active: &NodeSet, flip: &NodeSet) -> Result<Vec<f32>> {
        let mut logit_diffs = Vec::with_capacity(chunk.rows.len());
        for part in chunk.split(self.max_tokens() / 2).iter() {
            // the sequences as they are, and once more to be flipped
            let tokens = part.batch.tokens();
            let sequences: Vec<&[u32]> =
                part.batch.spans().iter().map(|span| &tokens[span.start..span.start + span.len]).collect();
            let batch = Batch::new(&[sequences.as_slice(), sequences.as_slice()].concat());
            let outputs = self.task.outputs(&batch)?;
            let plan = FlipPlan::new(&self.task.space, flip, batch.spans());
            let (backend, model, masks) = self.with_masks(active)?;
            let logits = forward(backend, model, &batch, LogitsAt::Last, &mut FlipHooks::new(masks, &plan))?;
            logit_diffs.extend(read_logit_diffs(backend, logits, &outputs).await?.split_off(sequences.len()));
        }
        Ok(logit_diffs)
    }

    /// The values of `nodes` at every token, sequence after sequence: for each node, in ascending order, one row over the chunk's
    /// real tokens.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn values(&mut self, chunk: &Chunk, active: &NodeSet, nodes: &NodeSet) -> Result<Vec<Vec<f32>>> {
        let task = self.task.clone();
        let hooks: BTreeSet<Hook> = nodes.iter().map(|node| task.space.node(node).hook).collect();
        let mut values = vec![Vec::new(); nodes.len()];
        for part in chunk.split(self.max_tokens()).iter() {
            let (backend, model, masks) = self.with_masks(active)?;
            let read = record(backend, model, &part.batch, masks, &hooks).await?;
            for (values, node) in values.iter_mut().zip(nodes.iter()) {
                let node = task.space.node(node);
                let tensor = &read[&node.hook];
                let tokens = part.batch.spans().iter().flat_map(|s| s.start..s.start + s.len);
                values.extend(tokens.map(|t| tensor.get(t, node.index)));
            }
        }
        Ok(values)
    }

    /// Tokens of a batch, at most.
    fn max_tokens(&self) -> usize {
        self.backend.max_tokens(self.model.config.widest())
    }

    /// Has the model with all nodes but `alive` folded away ready, unless most are alive: then folding saves nothing.
    fn fold(&mut self, alive: &NodeSet) {
        if 2 * alive.len() > alive.places() {
            self.folded = None;
        } else if self.folded.as_ref().is_none_or(|(of, _)| of != alive) {
            let weights = fold_constants(&self.task.weights, &self.task.space, &self.task.means, alive);
            self.folded = Some((alive.clone(), weights.upload(&mut self.backend)));
        }
    }

    /// The backend, and the model and the masks with which only the nodes of `active` run.
    fn with_masks(&mut self, active: &NodeSet) -> Result<(&mut B, &Model<B>, &DeviceMasks<B>)> {
        self.fold(active);
        let Evaluator { backend, task, model, folded, masks } = self;
        if masks.as_ref().is_none_or(|(of, _)| of != active) {
            let of_hook = |_, range| Ok(&task.means[range]);
            *masks = Some((active.clone(), DeviceMasks::new(backend, &task.space, active, of_hook)?));
        }
        let model = folded.as_ref().map_or(&*model, |(_, model)| model);
        let (_, masks) = masks.as_ref().expect("just made");
        Ok((backend, model, masks))
    }
}

/// `outputs` has the two that are compared, for each prompt.
async fn read_logit_diffs<B: Backend>(backend: &mut B, logits: B::Tensor, outputs: &[[usize; 2]]) -> Result<Vec<f32>> {
    let read = backend.read(&logits).await?;
    backend.recycle(logits);
    Ok(outputs.iter().enumerate().map(|(i, &[first, second])| read.get(i, first) - read.get(i, second)).collect())
}

/// Runs jobs on chunks of prompts, on as many backends as it has.
#[allow(async_fn_in_trait)] // callers run the future on the thread that made it
pub trait EvaluatorPool {
    type Backend: Backend;

    fn task(&self) -> &Arc<TaskModel>;

    /// The results in the order of the chunks, whichever evaluator made them.
    ///
    /// # Errors
    /// The first error of a job.
    async fn map<T: Send>(
        &mut self,
        chunks: &[&Chunk],
        job: impl AsyncFn(&mut Evaluator<Self::Backend>, &Chunk) -> Result<T> + Sync,
    ) -> Result<Vec<T>>;

    /// [`Evaluator::logit_diffs`] of all prompts, in their order.
    ///
    /// # Errors
    /// When the device fails.
    async fn logit_diffs(&mut self, prompts: &Prompts, active: &NodeSet) -> Result<Vec<f32>> {
        let chunks: Vec<&Chunk> = prompts.chunks.iter().collect();
        let rows = self.map(&chunks, async |evaluator, chunk| evaluator.logit_diffs(chunk, active).await).await?;
        Ok(prompts.ordered(&rows))
    }

    /// [`Evaluator::flipped`] of all prompts, in their order.
    ///
    /// # Errors
    /// When the device fails.
    async fn flipped(&mut self, prompts: &Prompts, active: &NodeSet, flip: &NodeSet) -> Result<Vec<f32>> {
        let chunks: Vec<&Chunk> = prompts.chunks.iter().collect();
        let rows = self.map(&chunks, async |evaluator, chunk| evaluator.flipped(chunk, active, flip).await).await?;
        Ok(prompts.ordered(&rows))
    }

    /// The calibration fitted on `prompts` with the nodes of `active`, and the loss there.
    ///
    /// # Errors
    /// When the device fails.
    async fn calibrate(&mut self, prompts: &Prompts, active: &NodeSet) -> Result<(Calibration, f64)> {
        Ok(calibrate(&self.logit_diffs(prompts, active).await?, &prompts.first))
    }
}

impl<B: Backend> EvaluatorPool for Evaluator<B> {
    type Backend = B;

    fn task(&self) -> &Arc<TaskModel> {
        &self.task
    }

    async fn map<T: Send>(
        &mut self,
        chunks: &[&Chunk],
        job: impl AsyncFn(&mut Evaluator<B>, &Chunk) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut results = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            results.push(job(self, chunk).await?);
        }
        Ok(results)
    }
}
