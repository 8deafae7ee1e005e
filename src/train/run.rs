//! The training loop: both cores, progress, held-out loss, a log and checkpoints.

use super::batches::{Corpus, Windows};
use super::checkpoint;
use super::config::TrainConfig;
use super::optimiser;
use super::parameters::{Parameters, gradients_in_order};
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Batch, IGNORE};
use crate::model::{LogitsAt, Model, ParameterGradients, backward, forward, forward_with_trace};
use crate::tensor::{Activations, Matrix};
use crate::{Error, Result};
use rayon::prelude::*;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Sequences in one forward and backward pass: enough to fill the kernels, few enough that activations stay in the caches.
const MICROBATCH: usize = 4;
/// Held-out windows of each corpus.
const VALIDATION_WINDOWS: usize = 256;

/// One core's engine and gradients.
struct Worker {
    cpu: Cpu,
    gradients: Option<ParameterGradients<Matrix>>,
}

impl Worker {
    /// Adds the gradients of the mean cross entropy over `total` tokens; returns the sum of the losses (already divided by `total`).
    fn accumulate(
        &mut self,
        model: &Model<Cpu>,
        windows: &Windows,
        range: std::ops::Range<usize>,
        total: usize,
    ) -> f64 {
        if self.gradients.is_none() {
            self.gradients = Some(ParameterGradients::zeros(&mut self.cpu, model));
        }
        let gradients = self.gradients.as_mut().expect("made just above");
        gradients_in_order(gradients).into_iter().for_each(|g| g.data.fill(0.0));
        let mut loss = 0.0;
        let mut start = range.start;
        while start < range.end {
            let end = (start + MICROBATCH).min(range.end);
            let batch = Batch::new(&windows.inputs[start..end]);
            let targets = padded_targets(&batch, &windows.targets[start..end]);
            let (logits, trace) = forward_with_trace(&mut self.cpu, model, &batch, LogitsAt::Every, &mut ())
                .expect("a forward without hooks cannot fail");
            let mut losses = self.cpu.tensor(1, targets.len());
            let mut dlogits = self.cpu.tensor(model.config.vocab_size, targets.len());
            self.cpu.cross_entropy(&logits, &targets, 1.0 / total as f32, &mut losses, &mut dlogits);
            loss += sum(&losses);
            self.cpu.recycle(logits);
            self.cpu.recycle(losses);
            backward(&mut self.cpu, model, &batch, trace, &dlogits, &mut (), Some(gradients));
            self.cpu.recycle(dlogits);
            start = end;
        }
        loss
    }
}

fn sum(losses: &Activations) -> f64 {
    losses.to_rows().iter().map(|l| *l as f64).sum()
}

/// Targets in the batch's token dimension; padding is ignored.
fn padded_targets<S: AsRef<[u32]>>(batch: &Batch, targets: &[S]) -> Vec<u32> {
    let mut padded = vec![IGNORE; batch.tokens().len()];
    for (span, targets) in batch.spans().iter().zip(targets) {
        padded[span.start..span.start + span.len].copy_from_slice(targets.as_ref());
    }
    padded
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

/// A model in training, and what every core needs for it.
pub struct Trainer {
    config: TrainConfig,
    parameters: Parameters,
    workers: Vec<Worker>,
}

impl Trainer {
    /// # Errors
    /// A model that cannot be trained here.
    pub fn new(config: &TrainConfig) -> Result<Trainer> {
        let shape = config.model()?;
        if shape.d_pos_emb.is_some() || shape.positions {
            crate::bail!("training is for models without positions: say \"positions\": false in the model's config");
        }
        let threads = rayon::current_num_threads().max(1);
        let workers = (0..threads).map(|_| Worker { cpu: Cpu::new(), gradients: None }).collect();
        Ok(Trainer { config: config.clone(), parameters: Parameters::new(&shape, config.seed), workers })
    }

    /// Forward, backward, Adam and the projection to sparse weights. Returns the loss and the gradient's RMS.
    pub fn step(&mut self, windows: &Windows, step: u64) -> (f64, f64) {
        let config = &self.config;
        let total = config.batch * config.context;
        let share = config.batch.div_ceil(self.workers.len());
        let model = self.parameters.model();
        let loss = self
            .workers
            .par_iter_mut()
            .enumerate()
            .map(|(i, worker)| {
                let range = (i * share).min(config.batch)..((i + 1) * share).min(config.batch);
                worker.accumulate(&model, windows, range, total)
            })
            .sum();
        let mut lists: Vec<Vec<&mut Matrix>> = self
            .workers
            .iter_mut()
            .map(|w| gradients_in_order(w.gradients.as_mut().expect("every worker has accumulated")))
            .collect();
        let mut gradients = lists.remove(0);
        for other in lists {
            gradients.par_iter_mut().zip(other.par_iter()).for_each(|(sum, part)| {
                sum.data.iter_mut().zip(&part.data).for_each(|(sum, part)| *sum += part);
            });
        }
        (loss, optimiser::step(config, &mut self.parameters, &gradients, step))
    }
}

/// Trains as `config` says and leaves `model.safetensors`, `log.jsonl` and `state.safetensors` (for `resume`) in `out`.
///
/// # Errors
/// A missing or unfit corpus, an unfit state to resume from, a full disk; what was written before stays.
pub fn train(config: &TrainConfig, out: &Path, resume: bool) -> Result<()> {
    let mut trainer = Trainer::new(config)?;
    let shape = config.model()?;
    let folder = Path::new(&config.corpus);
    let corpus = Corpus::read(folder, "train", shape.vocab_size, config.context)?;
    let valid = Corpus::read(folder, "valid", shape.vocab_size, config.context)?;
    let held_out = [
        Windows::spread(&valid.real, VALIDATION_WINDOWS, config.context),
        Windows::spread(&valid.synthetic, VALIDATION_WINDOWS, config.context),
    ];
    std::fs::create_dir_all(out).map_err(|source| Error::Io { action: "create", path: out.into(), source })?;
    let start = checkpoint::start(config)?;
    if let Some(start) = &start {
        trainer.parameters.take(&start.weights)?;
    }
    let first = if resume { checkpoint::resume(out, config, &mut trainer.parameters)? } else { 0 };
    let log_path = out.join("log.jsonl");
    let mut log = std::fs::OpenOptions::new()
        .create(true)
        .append(resume)
        .write(true)
        .truncate(!resume)
        .open(&log_path)
        .map_err(|source| Error::Io { action: "write", path: log_path.clone(), source })?;

    let total = config.batch * config.context;
    let started = Instant::now();
    let mut recent = Vec::new();
    for step in first..config.steps {
        let windows = corpus.batch(config.seed, step, config.batch, config.context, config.synthetic_share);
        let (loss, rms) = trainer.step(&windows, step);
        recent.push(loss);

        let done = step + 1;
        let mut line = None;
        if done % config.log_every == 0 || done == config.steps {
            let seconds = started.elapsed().as_secs_f64();
            let rate = ((done - first) as usize * total) as f64 / seconds;
            let mean = recent.iter().sum::<f64>() / recent.len() as f64;
            recent.clear();
            line = Some(serde_json::json!({
                "step": done, "tokens": done as usize * total, "loss": mean, "gradient_rms": rms,
                "learning_rate": config.learning_rate_at(step), "density": config.density_at(step, config.density),
                "tokens_per_second": rate.round(), "seconds": seconds.round(),
            }));
        }
        if done % config.validate_every == 0 || done == config.steps {
            let model = trainer.parameters.model();
            let [real, synthetic] = [0, 1].map(|i| held_out_loss(&model, &held_out[i]));
            let entry = line.get_or_insert_with(|| serde_json::json!({ "step": done }));
            entry["held_out"] =
                serde_json::json!({ "real": real, "synthetic": synthetic, "mean": (real + synthetic) / 2.0 });
            entry["nonzeros"] = trainer.parameters.nonzeros().into();
        }
        if let Some(line) = &line {
            eprintln!("{line}");
            writeln!(log, "{line}").map_err(|source| Error::Io { action: "write", path: log_path.clone(), source })?;
        }
        if done % config.checkpoint_every == 0 || done == config.steps {
            let held_out = line.as_ref().and_then(|l| l.get("held_out")).cloned().unwrap_or_default();
            checkpoint::save(out, config, &trainer.parameters, done, &held_out, start.as_ref())?;
        }
    }
    Ok(())
}
