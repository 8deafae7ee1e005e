//! The training loop: all cores, progress, held-out loss, a log and checkpoints.

use super::batches::{Corpus, Windows};
use super::bridge::{BridgeGradients, BridgeParameters, Bridged, Terms, scores, sites_of_step, sum};
use super::checkpoint::{self, Snapshot};
use super::config::TrainConfig;
use super::optimiser;
use super::parameters::Parameters;
use crate::Result;
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Batch, IGNORE, Losses, Memory, now_or_never};
use crate::bridge::DeviceBridge;
use crate::console::note;
use crate::files::{create_folder, io_error};
use crate::format::ModelFile;
use crate::format::model_file::fingerprint;
use crate::model::{Gradients, LogitsAt, Model, Weights, backward, forward, forward_with_trace, zero_gradients};
use crate::tensor::Matrix;
use rayon::prelude::*;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Sequences in one forward and backward pass: enough to fill the kernels, few enough that activations stay in the caches.
const MICROBATCH: usize = 4;
/// Tokens in one forward and backward pass on another device: enough to fill a GPU, few enough that activations fit into
/// its memory.
const DEVICE_TOKENS: usize = 1 << 13;
/// Entries of a gradient that one parallel task sums over all workers.
const SUM_CHUNK: usize = 1 << 15;
/// Held-out windows of each corpus.
const VALIDATION_WINDOWS: usize = 256;
/// Windows of the least squares fit of a bridge.
const FITTED_WINDOWS: usize = 128;
/// Held-out windows of each corpus on which a bridge is measured.
const REFERENCE_WINDOWS: usize = 64;

/// A worker's backend and gradients. There is one worker per thread.
struct Worker {
    cpu: Cpu,
    gradients: Option<Gradients<Cpu>>,
    bridge_gradients: Option<BridgeGradients>,
}

impl Worker {
    /// As [`Worker::accumulate`], with a bridge, whose gradients it sets too. Returns the terms of
    /// the loss, multiplied by this worker's share of the tokens.
    fn accumulate_bridged(
        &mut self,
        bridged: Bridged<'_>,
        windows: &Windows,
        range: std::ops::Range<usize>,
        total: usize,
        (sites, factor): (&[usize], f64),
    ) -> Terms {
        let gradients = self.gradients.get_or_insert_with(|| zero_gradients(&mut self.cpu, bridged.sparse));
        let bridge = self.bridge_gradients.get_or_insert_with(|| BridgeGradients::zeros(bridged.bridge));
        matrices(gradients).chain(bridge.in_order()).for_each(|g| g.data.fill(0.0));
        let mut terms = Terms::default();
        for (batch, targets) in microbatches(windows, range, MICROBATCH) {
            let share = batch.spans().iter().map(|span| span.len).sum::<usize>() as f64 / total as f64;
            let part = bridged.accumulate(&mut self.cpu, &batch, &targets, share, (sites, factor), gradients, bridge);
            terms = terms.zip(part, |sum, part| sum + share * part);
        }
        terms
    }

    /// Sets `gradients` to this worker's part of the gradient of the mean cross entropy over
    /// `total` tokens. Returns its part of that mean.
    fn accumulate(
        &mut self,
        model: &Model<Cpu>,
        windows: &Windows,
        range: std::ops::Range<usize>,
        total: usize,
    ) -> f64 {
        let gradients = self.gradients.get_or_insert_with(|| zero_gradients(&mut self.cpu, model));
        matrices(gradients).for_each(|g| g.data.fill(0.0));
        accumulate(&mut self.cpu, model, microbatches(windows, range, MICROBATCH), total, gradients)
            .expect("the CPU does not fail")
    }
}

/// Adds the gradient of the cross entropy over `batches`, divided by `total` tokens, to `gradients`. Returns the cross
/// entropy, divided in the same way.
///
/// # Errors
/// When the device fails.
fn accumulate<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batches: impl Iterator<Item = (Batch, Vec<u32>)>,
    total: usize,
    gradients: &mut Gradients<B>,
) -> Result<f64> {
    let mut all = Vec::new();
    for (batch, targets) in batches {
        let (logits, trace) = forward_with_trace(backend, model, &batch, LogitsAt::Every, &mut ())?;
        let mut losses = backend.tensor(1, targets.len());
        let mut dlogits = backend.tensor(model.config.vocab_size, targets.len());
        backend.cross_entropy(&logits, &targets, 1.0 / total as f32, &mut losses, &mut dlogits);
        all.push(losses);
        backend.recycle(logits);
        backward(backend, model, &batch, trace, &dlogits, &mut (), Some(gradients));
        backend.recycle(dlogits);
    }
    let loss = now_or_never(backend.read_all(&all.iter().collect::<Vec<_>>()))?.iter().map(sum).sum();
    all.into_iter().for_each(|losses| backend.recycle(losses));
    Ok(loss)
}

/// The mean cross entropy over `windows` in nats and its gradients, in the order of [`Parameters::list`].
type Device = Box<dyn FnMut(&Weights, &Windows) -> Result<(f64, Vec<Matrix>)>>;

/// Computes the gradients on one backend, in batches of at most [`DEVICE_TOKENS`] tokens.
fn device<B: Backend + 'static>(mut backend: B) -> Device {
    Box::new(move |weights, windows| {
        let model = weights.upload(&mut backend);
        let config = &weights.config;
        let context = Batch::new(&windows.inputs[..1]).tokens().len();
        let widest = config.vocab_size.max(config.d_mlp).max(config.d_model);
        let size = (backend.max_tokens(widest).min(DEVICE_TOKENS) / context).max(1);
        let total = windows.inputs.iter().map(Vec::len).sum();
        let mut gradients = zero_gradients(&mut backend, &model);
        let batches = microbatches(windows, 0..windows.inputs.len(), size);
        let loss = accumulate(&mut backend, &model, batches, total, &mut gradients)?;
        let gradients: Vec<_> = gradients.iter().map(|(_, gradient)| gradient.into_inner()).collect();
        Ok((loss, now_or_never(backend.read_gradients(&gradients))?))
    })
}

/// The gradients in the order of [`Parameters::list`].
fn matrices(gradients: &mut Gradients<Cpu>) -> impl Iterator<Item = &mut Matrix> {
    gradients.iter_mut().map(|(_, gradient)| gradient.into_inner())
}

/// The sequences of `range` in batches of `size`, each with its targets.
fn microbatches(
    windows: &Windows,
    range: std::ops::Range<usize>,
    size: usize,
) -> impl Iterator<Item = (Batch, Vec<u32>)> {
    let (inputs, targets) = (&windows.inputs[range.clone()], &windows.targets[range]);
    inputs.chunks(size).zip(targets.chunks(size)).map(|(inputs, targets)| {
        let batch = Batch::new(inputs);
        let targets = padded_targets(&batch, targets);
        (batch, targets)
    })
}

/// Targets in the batch's token dimension; padding is ignored.
fn padded_targets<S: AsRef<[u32]>>(batch: &Batch, targets: &[S]) -> Vec<u32> {
    let mut padded = vec![IGNORE; batch.tokens().len()];
    for (span, targets) in batch.spans().iter().zip(targets) {
        padded[span.start..span.start + span.len].copy_from_slice(targets.as_ref());
    }
    padded
}

/// Windows of both corpora on which bridges are measured.
pub fn reference_windows(corpus: &Corpus, context: usize) -> Windows {
    let [mut windows, synthetic] =
        [&corpus.real, &corpus.synthetic].map(|tokens| Windows::spread(tokens, REFERENCE_WINDOWS, context));
    windows.inputs.extend(synthetic.inputs);
    windows.targets.extend(synthetic.targets);
    windows
}

/// Mean cross entropy over all tokens of `windows`, in nats.
pub fn held_out_loss(model: &Model<Cpu>, windows: &Windows) -> f64 {
    let tokens: usize = windows.inputs.iter().map(Vec::len).sum();
    let loss: f64 = windows
        .inputs
        .par_chunks(MICROBATCH)
        .zip(windows.targets.par_chunks(MICROBATCH))
        .map_init(Cpu::new, |cpu, (inputs, targets)| {
            let batch = Batch::new(inputs);
            let targets = padded_targets(&batch, targets);
            let logits =
                forward(cpu, model, &batch, LogitsAt::Every, &mut ()).expect("a forward without hooks cannot fail");
            let mut losses = cpu.tensor(1, targets.len());
            let mut grad = cpu.tensor(model.config.vocab_size, targets.len());
            cpu.cross_entropy(&logits, &targets, 1.0, &mut losses, &mut grad);
            let loss = sum(&losses);
            [logits, losses, grad].into_iter().for_each(|t| cpu.recycle(t));
            loss
        })
        .sum();
    loss / tokens as f64
}

/// A model in training, with one worker per thread.
pub struct Trainer {
    config: TrainConfig,
    parameters: Parameters,
    bridge: Option<BridgeInTraining>,
    workers: Vec<Worker>,
    /// The name of a backend that computes the gradients instead of the workers.
    device: Option<(&'static str, Device)>,
}

struct BridgeInTraining {
    dense: Model<Cpu>,
    /// The dense model's fingerprint.
    fingerprint: String,
    parameters: BridgeParameters,
    /// The run's config for the optimiser of the bridge: the bridge's learning rate and a density
    /// of 1.
    config: TrainConfig,
}

/// The measurements of a training step.
pub struct Step {
    /// In nats per token; with a bridge, the weighted sum of its terms.
    pub loss: f64,
    /// Root mean square of the gradient with respect to the model's parameters; 0 if the model is
    /// frozen.
    pub gradient_rms: f64,
    /// With a bridge only.
    pub terms: Option<Terms>,
}

impl Trainer {
    /// # Errors
    /// A bridge whose dense model is missing or does not fit.
    pub fn new(config: &TrainConfig) -> Result<Trainer> {
        let shape = config.model()?;
        let threads = rayon::current_num_threads().max(1);
        let workers =
            (0..threads).map(|_| Worker { cpu: Cpu::new(), gradients: None, bridge_gradients: None }).collect();
        let dense = checkpoint::named_model(config.bridge.as_ref().map(|bridge| &bridge.dense))?;
        let bridge = match (&config.bridge, dense) {
            (Some(bridge), Some(dense)) => Some(BridgeInTraining {
                parameters: BridgeParameters::new(bridge, &shape, &dense.weights.config, config.seed)?,
                dense: dense.weights.upload(&mut Cpu::new()),
                fingerprint: fingerprint(&dense.weights),
                config: TrainConfig { learning_rate: bridge.learning_rate, density: 1.0, ..config.clone() },
            }),
            _ => None,
        };
        let parameters = Parameters::new(&shape, config.seed);
        Ok(Trainer { config: config.clone(), parameters, bridge, workers, device: None })
    }

    /// Computes the gradients on `backend` instead of the CPU's threads.
    ///
    /// # Errors
    /// A run with a bridge: its terms are computed on the CPU only.
    pub fn on<B: Backend + 'static>(self, backend: B) -> Result<Trainer> {
        if self.bridge.is_some() {
            crate::bail!("a bridge is trained on the CPU only; leave out --backend, or the config's bridge");
        }
        Ok(Trainer { device: Some((backend.name(), device(backend))), ..self })
    }

    /// Forward, backward, Adam and the projection to sparse weights.
    ///
    /// # Errors
    /// When the device of [`Trainer::on`] fails.
    pub fn step(&mut self, windows: &Windows, step: u64) -> Result<Step> {
        let Trainer { config, parameters, bridge, workers, device } = self;
        if let Some((_, device)) = device {
            let (loss, mut gradients) = device(&parameters.weights(), windows)?;
            let gradients: Vec<&mut Matrix> = gradients.iter_mut().collect();
            let gradient_rms = optimiser::step(config, parameters.list_mut(), &gradients, step);
            return Ok(Step { loss, gradient_rms, terms: None });
        }
        let total = config.batch * config.context;
        let share = config.batch.div_ceil(workers.len());
        let range = |i: usize| (i * share).min(config.batch)..((i + 1) * share).min(config.batch);
        let model = parameters.model();
        let workers_here = workers.par_iter_mut().enumerate();
        let (loss, terms) = match (&config.bridge, &*bridge) {
            (Some(settings), Some(bridge)) => {
                let device: DeviceBridge<Cpu> = bridge.parameters.device();
                let (sites, factor) = sites_of_step(settings, device.sites.len(), config.seed, step);
                let bridged = Bridged { sparse: &model, dense: &bridge.dense, bridge: &device, config: settings };
                let terms = workers_here
                    .map(|(i, worker)| worker.accumulate_bridged(bridged, windows, range(i), total, (&sites, factor)))
                    .reduce(Terms::default, |a, b| a.zip(b, |a, b| a + b));
                (terms.total(settings), Some(terms))
            }
            _ => (workers_here.map(|(i, worker)| worker.accumulate(&model, windows, range(i), total)).sum(), None),
        };
        if let Some(bridge) = bridge {
            let lists = workers
                .iter_mut()
                .map(|w| w.bridge_gradients.as_mut().expect("every worker has accumulated").in_order())
                .collect();
            optimiser::step(&bridge.config, bridge.parameters.list.iter_mut(), &summed(lists), step);
        }
        if config.bridge.as_ref().is_some_and(|bridge| bridge.freeze_sparse) {
            return Ok(Step { loss, gradient_rms: 0.0, terms });
        }
        let lists = workers
            .iter_mut()
            .map(|w| matrices(w.gradients.as_mut().expect("every worker has accumulated")).collect())
            .collect();
        let gradient_rms = optimiser::step(config, parameters.list_mut(), &summed(lists), step);
        Ok(Step { loss, gradient_rms, terms })
    }

    fn snapshot<'a>(
        &'a self,
        start: Option<&'a ModelFile>,
        steps_done: u64,
        held_out: &'a serde_json::Value,
        rms_ratios: &[f32],
    ) -> Snapshot<'a> {
        let bridge = self.bridge.as_ref().map(|bridge| {
            (bridge.parameters.bridge(rms_ratios), bridge.parameters.list.as_slice(), bridge.fingerprint.clone())
        });
        let backend = self.device.as_ref().map(|(name, _)| *name);
        Snapshot { config: &self.config, parameters: &self.parameters, start, bridge, backend, steps_done, held_out }
    }
}

/// Adds the gradients of all workers to those of the first, in chunks, so that several threads
/// share a large matrix.
fn summed(mut lists: Vec<Vec<&mut Matrix>>) -> Vec<&mut Matrix> {
    let mut gradients = lists.remove(0);
    gradients.par_iter_mut().enumerate().for_each(|(i, gradient)| {
        gradient.data.par_chunks_mut(SUM_CHUNK).enumerate().for_each(|(chunk, sum)| {
            let range = chunk * SUM_CHUNK..chunk * SUM_CHUNK + sum.len();
            for list in &lists {
                sum.iter_mut().zip(&list[i].data[range.clone()]).for_each(|(sum, part)| *sum += part);
            }
        });
    });
    gradients
}

/// Trains by `config` and writes `model.safetensors`, `log.jsonl` and `state.safetensors` (for
/// `resume`) to `out`, and `bridge.safetensors` if it trains a bridge.
///
/// # Errors
/// A corpus or state that is missing or does not fit the config, or a file that cannot be written.
/// Files written before stay.
pub fn train(config: &TrainConfig, out: &Path, resume: bool) -> Result<()> {
    run(Trainer::new(config)?, out, resume, config.steps)
}

/// As [`train`], with the gradients computed on `backend`. Held-out losses are computed on the CPU.
///
/// # Errors
/// As [`train`]; a run with a bridge; a device that fails.
pub fn train_on<B: Backend + 'static>(backend: B, config: &TrainConfig, out: &Path, resume: bool) -> Result<()> {
    run(Trainer::new(config)?.on(backend)?, out, resume, config.steps)
}

/// As [`train`] without `resume`, but stops after `steps` as if interrupted. `train` with `resume`
/// continues.
///
/// # Errors
/// As [`train`].
pub fn train_until(config: &TrainConfig, out: &Path, steps: u64) -> Result<()> {
    run(Trainer::new(config)?, out, false, steps)
}

fn run(mut trainer: Trainer, out: &Path, resume: bool, until: u64) -> Result<()> {
    let config = &trainer.config.clone();
    let shape = config.model()?;
    let folder = Path::new(&config.corpus);
    let corpus = Corpus::read(folder, "train", shape.vocab_size, config.context)?;
    let valid = Corpus::read(folder, "valid", shape.vocab_size, config.context)?;
    let held_out = [
        Windows::spread(&valid.real, VALIDATION_WINDOWS, config.context),
        Windows::spread(&valid.synthetic, VALIDATION_WINDOWS, config.context),
    ];
    let measured = reference_windows(&valid, config.context);
    let start = checkpoint::named_model(config.start.as_ref())?;
    if let Some(start) = &start {
        trainer.parameters.set_values(&start.weights)?;
    }
    let first = match resume {
        true => {
            let bridge = trainer.bridge.iter_mut().flat_map(|bridge| &mut bridge.parameters.list);
            checkpoint::resume(out, config, trainer.parameters.list_mut().chain(bridge))?
        }
        false => {
            // without a start model the sparse model is untrained, so a fit would be useless
            if let (Some(bridge), Some(start)) = (&mut trainer.bridge, &start) {
                let sparse = fingerprint(&start.weights);
                let models =
                    [(&start.weights.config, sparse.as_str()), (&bridge.dense.config, bridge.fingerprint.as_str())];
                let start_bridge = config.bridge.as_ref().and_then(|bridge| bridge.start.as_ref());
                if let Some(start_bridge) = checkpoint::named_bridge(start_bridge, models)? {
                    bridge.parameters.set_values(&start_bridge)?;
                } else {
                    let windows =
                        corpus.batch(config.seed, u64::MAX - 1, FITTED_WINDOWS, config.context, config.synthetic_share);
                    bridge.parameters.fit(&trainer.parameters.model(), &bridge.dense, &windows);
                }
            }
            0
        }
    };
    create_folder(out)?;
    let log_path = out.join("log.jsonl");
    let mut log = std::fs::OpenOptions::new()
        .create(true)
        .append(resume)
        .write(true)
        .truncate(!resume)
        .open(&log_path)
        .map_err(io_error("write", &log_path))?;

    let total = config.batch * config.context;
    let started = Instant::now();
    let mut recent = Vec::new();
    let mut recent_terms = Terms::default();
    for step in first..until.min(config.steps) {
        let windows = corpus.batch(config.seed, step, config.batch, config.context, config.synthetic_share);
        let Step { loss, gradient_rms, terms } = trainer.step(&windows, step)?;
        recent.push(loss);
        recent_terms = recent_terms.zip(terms.unwrap_or_default(), |sum, term| sum + term);

        let done = step + 1;
        let mut line = None;
        if done % config.log_every == 0 || done == config.steps {
            let seconds = started.elapsed().as_secs_f64();
            let rate = ((done - first) as usize * total) as f64 / seconds;
            let steps = recent.len() as f64;
            let mean = recent.iter().sum::<f64>() / steps;
            recent.clear();
            let mut entry = serde_json::json!({
                "step": done, "tokens": done as usize * total, "loss": mean, "gradient_rms": gradient_rms,
                "learning_rate": config.learning_rate_at(step), "density": config.density_at(step, config.density),
                "tokens_per_second": rate.round(), "seconds": seconds.round(),
            });
            if terms.is_some() {
                entry["terms"] = json(&recent_terms.zip(Terms::default(), |sum, _| sum / steps));
                recent_terms = Terms::default();
            }
            line = Some(entry);
        }
        if done % config.validate_every == 0 || done == config.steps {
            let model = trainer.parameters.model();
            let [real, synthetic] = [0, 1].map(|i| held_out_loss(&model, &held_out[i]));
            let entry = line.get_or_insert_with(|| serde_json::json!({ "step": done }));
            entry["held_out"] =
                serde_json::json!({ "real": real, "synthetic": synthetic, "mean": (real + synthetic) / 2.0 });
            entry["nonzeros"] = trainer.parameters.nonzeros().into();
        }
        let saves = done % config.checkpoint_every == 0 || done == config.steps;
        let mut rms_ratios = Vec::new();
        if let (true, Some(bridge)) = (saves, &trainer.bridge) {
            let model = trainer.parameters.model();
            let scores = scores(&model, &bridge.dense, &bridge.parameters.device(), &measured);
            rms_ratios = scores.iter().map(|score| score.rms_ratio()).collect();
            let entry = line.get_or_insert_with(|| serde_json::json!({ "step": done }));
            entry["sites"] = scores.iter().map(json).collect();
        }
        if let Some(line) = &line {
            note(&line.to_string());
            writeln!(log, "{line}").map_err(io_error("write", &log_path))?;
        }
        if saves {
            let held_out = line.as_ref().and_then(|l| l.get("held_out")).cloned().unwrap_or_default();
            checkpoint::save(out, trainer.snapshot(start.as_ref(), done, &held_out, &rms_ratios))?;
        }
    }
    Ok(())
}

fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("numbers are JSON")
}
