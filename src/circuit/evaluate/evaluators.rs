//! Who runs the prompts of a search: one backend, or natively a few CPU threads. Searches are written over [`Workers`] and know
//! neither.

use super::calibrate::calibrate;
use super::fold_constants::{reduce, two_logits};
use super::prompts::{Chunk, Prompts};
use crate::Result;
use crate::backend::{Backend, Batch};
use crate::circuit::definition::{Calibration, NodeSpace};
use crate::circuit::intervene::{DeviceMasks, FlipHooks, FlipPlan, LearningMasks};
use crate::model::{Hook, Hooks, LogitsAt, Model, Weights, backward, forward, forward_with_trace};
use crate::tensor::Activations;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A model reduced to one task's two candidates, and the means of its nodes.
pub struct TaskModel {
    weights: Weights,
    pub space: NodeSpace,
    /// Mean of each node over the pretraining distribution.
    pub means: Vec<f32>,
}

impl TaskModel {
    /// # Errors
    /// When a hook's means are missing.
    pub fn new(weights: &Weights, means: &BTreeMap<Hook, Vec<f32>>, candidates: [u32; 2]) -> Result<TaskModel> {
        let space = NodeSpace::new(&weights.config);
        let means = space.means(means)?;
        Ok(TaskModel { weights: two_logits(weights, candidates), space, means })
    }
}

/// One backend with a task's model on it.
pub struct Worker<B: Backend> {
    backend: B,
    task: Arc<TaskModel>,
    model: Model<B>,
    /// The model reduced to the nodes that are alive, of the last call.
    reduced: Option<(Vec<bool>, Model<B>)>,
    /// The mask of the last call.
    masks: Option<(Vec<f32>, DeviceMasks<B>)>,
}

/// What one chunk gives to a step of mask learning.
pub struct ChunkGradient {
    /// Logit difference of each sequence.
    pub differences: Vec<f32>,
    /// The loss by each mask entry.
    pub mask: Vec<f32>,
}

impl<B: Backend> Worker<B> {
    pub fn new(mut backend: B, task: Arc<TaskModel>) -> Worker<B> {
        let model = Model::new(&mut backend, &task.weights);
        Worker { backend, task, model, reduced: None, masks: None }
    }

    /// The backend, for another task.
    pub fn into_backend(self) -> B {
        self.backend
    }

    /// The first candidate's logit minus the second's, for each sequence of the chunk.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn differences(&mut self, chunk: &Chunk, mask: &[f32]) -> Result<Vec<f32>> {
        self.set_mask(mask);
        let mut differences = Vec::with_capacity(chunk.rows.len());
        for piece in chunk.pieces(self.max_tokens()).iter() {
            let (backend, model, masks) = self.parts(mask);
            let logits = forward(backend, model, &piece.batch, LogitsAt::Last, &mut &*masks)?;
            differences.extend(read_differences(backend, logits).await?);
        }
        Ok(differences)
    }

    /// The differences, and the gradient by the mask of `sum over sequences of slope(difference, first candidate wanted)`'s
    /// antiderivative. Nodes outside `alive` must be masked; their gradients are wrong.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn gradient(
        &mut self,
        chunk: &Chunk,
        mask: &[f32],
        alive: &[bool],
        slope: impl Fn(f32, bool) -> f32,
    ) -> Result<ChunkGradient> {
        self.set_alive(alive);
        let pieces = chunk.pieces(self.max_tokens());
        let Worker { backend, task, model, reduced, .. } = self;
        let model = reduced.as_ref().map_or(&*model, |(_, model)| model);
        let mut masks = LearningMasks::new(backend, &task.space, mask, &task.means);
        let mut differences = Vec::with_capacity(chunk.rows.len());
        for piece in pieces.iter() {
            let (logits, trace) = forward_with_trace(backend, model, &piece.batch, LogitsAt::Last, &mut masks)?;
            let of_piece = read_differences(backend, logits).await?;
            let rows: Vec<f32> = of_piece
                .iter()
                .zip(&piece.first)
                .flat_map(|(&difference, &first)| {
                    let slope = slope(difference, first);
                    [slope, -slope]
                })
                .collect();
            let dlogits = backend.upload(&Activations::from_rows(&rows, 2));
            backward(backend, model, &piece.batch, trace, &dlogits, &mut masks, None);
            differences.extend(of_piece);
        }
        Ok(ChunkGradient { differences, mask: masks.gradient(backend, &task.space).await? })
    }

    /// The differences of each sequence when the nodes `flip` take their values from the pair's other prompt, token by token
    /// from the end.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn flipped(&mut self, chunk: &Chunk, mask: &[f32], flip: &[usize]) -> Result<Vec<f32>> {
        self.set_mask(mask);
        let mut differences = Vec::with_capacity(chunk.rows.len());
        for piece in chunk.pieces(self.max_tokens() / 2).iter() {
            // the sequences as they are, and once more to be flipped
            let tokens = piece.batch.tokens();
            let sequences: Vec<&[u32]> =
                piece.batch.spans().iter().map(|span| &tokens[span.start..span.start + span.len]).collect();
            let batch = Batch::new(&[sequences.as_slice(), sequences.as_slice()].concat());
            let plan = FlipPlan::new(&self.task.space, flip, batch.spans());
            let (backend, model, masks) = self.parts(mask);
            let logits = forward(backend, model, &batch, LogitsAt::Last, &mut FlipHooks::new(masks, &plan))?;
            differences.extend(read_differences(backend, logits).await?.split_off(sequences.len()));
        }
        Ok(differences)
    }

    /// The values of `nodes` (indices into the node space, ascending) at every token, sequence after sequence: for each node
    /// one row over the chunk's real tokens.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn values(&mut self, chunk: &Chunk, mask: &[f32], nodes: &[usize]) -> Result<Vec<Vec<f32>>> {
        self.set_mask(mask);
        let space = self.task.space.clone();
        let hooks: BTreeSet<Hook> = nodes.iter().map(|&node| space.node(node).hook).collect();
        let widths = hooks.iter().map(|&hook| (hook, space.range(hook).map_or(0, |range| range.len()))).collect();
        let mut values = vec![Vec::new(); nodes.len()];
        for piece in chunk.pieces(self.max_tokens()).iter() {
            let (backend, model, masks) = self.parts(mask);
            let mut watch = Watch { masks, widths: &widths, seen: BTreeMap::new() };
            let logits = forward(backend, model, &piece.batch, LogitsAt::Last, &mut watch)?;
            let seen = watch.seen;
            backend.recycle(logits);
            let read = backend.read_all(&seen.values().collect::<Vec<_>>()).await?;
            let read: BTreeMap<Hook, Activations> = seen.keys().copied().zip(read).collect();
            seen.into_values().for_each(|tensor| backend.recycle(tensor));
            for (values, &node) in values.iter_mut().zip(nodes) {
                let node = space.node(node);
                let tensor = &read[&node.hook];
                let tokens = piece.batch.spans().iter().flat_map(|s| s.start..s.start + s.len);
                values.extend(tokens.map(|t| tensor.get(t, node.index)));
            }
        }
        Ok(values)
    }

    /// Tokens of a batch, at most.
    fn max_tokens(&self) -> usize {
        self.backend.max_tokens(self.model.config.widest())
    }

    fn set_mask(&mut self, mask: &[f32]) {
        let alive: Vec<bool> = mask.iter().map(|m| *m != 0.0).collect();
        self.set_alive(&alive);
        if self.masks.as_ref().is_none_or(|(of, _)| of != mask) {
            let masks = DeviceMasks::new(&mut self.backend, &self.task.space, mask, &self.task.means);
            self.masks = Some((mask.to_vec(), masks));
        }
    }

    fn set_alive(&mut self, alive: &[bool]) {
        if 2 * alive.iter().filter(|alive| **alive).count() > alive.len() {
            self.reduced = None;
        } else if self.reduced.as_ref().is_none_or(|(of, _)| of != alive) {
            let weights = reduce(&self.task.weights, &self.task.space, &self.task.means, alive);
            self.reduced = Some((alive.to_vec(), Model::new(&mut self.backend, &weights)));
        }
    }

    /// After [`Worker::set_mask`] with the same mask.
    fn parts(&mut self, _mask: &[f32]) -> (&mut B, &Model<B>, &DeviceMasks<B>) {
        let model = self.reduced.as_ref().map_or(&self.model, |(_, model)| model);
        let (_, masks) = self.masks.as_ref().expect("the mask has been set");
        (&mut self.backend, model, masks)
    }
}

async fn read_differences<B: Backend>(backend: &mut B, logits: B::Tensor) -> Result<Vec<f32>> {
    let read = backend.read(&logits).await?;
    backend.recycle(logits);
    Ok((0..read.tokens()).map(|i| read.get(i, 0) - read.get(i, 1)).collect())
}

/// Masks, and copies of the values at some hooks.
struct Watch<'a, B: Backend> {
    masks: &'a DeviceMasks<B>,
    widths: &'a BTreeMap<Hook, usize>,
    seen: BTreeMap<Hook, B::Tensor>,
}

impl<B: Backend> Hooks<B> for Watch<'_, B> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        (&mut &*self.masks).forward(backend, hook, x)?;
        if let Some(&width) = self.widths.get(&hook) {
            let tokens = backend.tokens(x);
            let mut copy = backend.tensor(width, tokens);
            backend.copy(x, &mut copy);
            self.seen.insert(hook, copy);
        }
        Ok(())
    }
}

/// Runs jobs on chunks of prompts, on as many backends as there are.
#[allow(async_fn_in_trait)] // callers run it where it was made; nobody sends the future to another thread
pub trait Workers {
    type Backend: Backend;

    fn task(&self) -> &Arc<TaskModel>;

    /// The results in the order of the chunks, whichever worker made them.
    ///
    /// # Errors
    /// The first error of a job.
    async fn map<T: Send>(
        &mut self,
        chunks: &[&Chunk],
        job: impl AsyncFn(&mut Worker<Self::Backend>, &Chunk) -> Result<T> + Sync,
    ) -> Result<Vec<T>>;

    /// [`Worker::differences`] of all prompts, in their order.
    ///
    /// # Errors
    /// When the device fails.
    async fn differences(&mut self, prompts: &Prompts, mask: &[f32]) -> Result<Vec<f32>> {
        let chunks: Vec<&Chunk> = prompts.chunks.iter().collect();
        let rows = self.map(&chunks, async |worker, chunk| worker.differences(chunk, mask).await).await?;
        Ok(prompts.ordered(&rows))
    }

    /// [`Worker::flipped`] of all prompts, in their order.
    ///
    /// # Errors
    /// When the device fails.
    async fn flipped(&mut self, prompts: &Prompts, mask: &[f32], flip: &[usize]) -> Result<Vec<f32>> {
        let chunks: Vec<&Chunk> = prompts.chunks.iter().collect();
        let rows = self.map(&chunks, async |worker, chunk| worker.flipped(chunk, mask, flip).await).await?;
        Ok(prompts.ordered(&rows))
    }

    /// The calibration fitted on `prompts` under `mask`, and the loss there.
    ///
    /// # Errors
    /// When the device fails.
    async fn calibrate(&mut self, prompts: &Prompts, mask: &[f32]) -> Result<(Calibration, f64)> {
        Ok(calibrate(&self.differences(prompts, mask).await?, &prompts.first))
    }
}

impl<B: Backend> Workers for Worker<B> {
    type Backend = B;

    fn task(&self) -> &Arc<TaskModel> {
        &self.task
    }

    async fn map<T: Send>(
        &mut self,
        chunks: &[&Chunk],
        job: impl AsyncFn(&mut Worker<B>, &Chunk) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut results = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            results.push(job(self, chunk).await?);
        }
        Ok(results)
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use threads::{Threads, block_on};

#[cfg(not(target_arch = "wasm32"))]
mod threads {
    use super::{Chunk, TaskModel, Worker, Workers};
    use crate::Result;
    use crate::backend::cpu::Cpu;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};

    /// Runs a future whose every wait is on the CPU backend, which never waits.
    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return value;
            }
            std::thread::yield_now();
        }
    }

    /// A few CPU backends, a thread each.
    pub struct Threads {
        workers: Vec<Worker<Cpu>>,
    }

    impl Threads {
        /// `count` threads (at least one).
        pub fn new(task: TaskModel, count: usize) -> Threads {
            let task = Arc::new(task);
            Threads { workers: (0..count.max(1)).map(|_| Worker::new(Cpu::new(), task.clone())).collect() }
        }
    }

    impl Workers for Threads {
        type Backend = Cpu;

        fn task(&self) -> &Arc<TaskModel> {
            &self.workers[0].task
        }

        async fn map<T: Send>(
            &mut self,
            chunks: &[&Chunk],
            job: impl AsyncFn(&mut Worker<Cpu>, &Chunk) -> Result<T> + Sync,
        ) -> Result<Vec<T>> {
            let next = AtomicUsize::new(0);
            let results: Mutex<Vec<Option<Result<T>>>> = Mutex::new(chunks.iter().map(|_| None).collect());
            std::thread::scope(|scope| {
                for worker in &mut self.workers {
                    scope.spawn(|| {
                        loop {
                            let at = next.fetch_add(1, Ordering::Relaxed);
                            let Some(chunk) = chunks.get(at) else { break };
                            let result = block_on(job(worker, chunk));
                            results.lock().expect("no job panics while it holds the lock")[at] = Some(result);
                        }
                    });
                }
            });
            let results = results.into_inner().expect("no job panics while it holds the lock");
            results.into_iter().map(|result| result.expect("every chunk was taken")).collect()
        }
    }
}
