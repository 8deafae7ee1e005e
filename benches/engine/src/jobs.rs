//! The jobs of the engine as a contestant.

use crate::models::{Random, prompt};
use crate::profiled::{Given, Profiled};
use crate::roofline::load_fed;
use sparse_circuits::Result;
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{AbsTopK, Attention, Backend, Batch, Matmul, Memory};
use sparse_circuits::format::model_file;
use sparse_circuits::model::{LogitsAt, Model, forward};
use sparse_circuits::tensor::{Activations, WeightMatrix};
use sparse_circuits::{Error, bail};
use std::mem::take;

/// A job that can be run repeatedly.
pub trait Job {
    fn run(&mut self);

    /// Floating-point operations or tokens of a run, or 0.
    fn work(&self) -> f64 {
        0.0
    }

    /// Milliseconds of each op since the last call.
    fn parts(&mut self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The output of the last run, for comparison with peers. Empty where no peer computes the same.
    fn output(&self) -> Vec<f32> {
        Vec::new()
    }
}

/// Makes a job. `file` is the content of a model file, or for `train` of a training config. `now` returns
/// milliseconds of processor time.
///
/// | words | what |
/// | --- | --- |
/// | `forward TOKENS` | a forward pass, logits at every token |
/// | `profile TOKENS` | the same with the time of each operation |
/// | `roofline` | multiply-adds with one operand from the first-level cache |
/// | `product ROWS COLS DENSITY` | a sparse product with 256 tokens |
/// | `top-k CHANNELS TOKENS` | AbsTopK at all hooks of the model with that width, on their inputs in a forward pass |
/// | `select-nth CHANNELS TOKENS` | the same by the standard library's selection |
/// | `attention TOKENS` | the attention layers of the model, on their inputs in a forward pass |
/// | `dense-attention TOKENS` | the same with no zeros in queries, keys and values |
/// | `train STEP` | training steps from step STEP of the schedule, native only |
///
/// # Errors
/// Unknown words; a file that is not a model.
pub fn job(words: &[&str], file: &[u8], now: fn() -> f64) -> Result<Box<dyn Job>> {
    let number = |word: &str| match word.parse::<usize>() {
        Ok(number) => Ok(number),
        Err(_) => Err(Error::invalid(format!("{word} is not a number"))),
    };
    Ok(match words {
        ["forward", tokens] => Box::new(Forward::new(Cpu::new(), file, number(tokens)?)?),
        ["profile", tokens] => Box::new(Profile(Forward::new(Profiled::new(now), file, number(tokens)?)?)),
        ["roofline"] => Box::new(roofline()),
        ["product", rows, cols, density] => match density.parse() {
            Ok(density) => Box::new(product(number(rows)?, number(cols)?, density)),
            Err(_) => bail!("{density} is not a number"),
        },
        [way @ ("top-k" | "select-nth"), channels, tokens] => {
            Box::new(top_k(*way == "top-k", number(channels)?, given(file, number(tokens)?, now)?))
        }
        [way @ ("attention" | "dense-attention"), tokens] => {
            Box::new(attentions(*way == "attention", number(tokens)?, given(file, number(tokens)?, now)?))
        }
        #[cfg(not(target_arch = "wasm32"))]
        ["train", step] => Box::new(train(file, number(step)? as u64)?),
        _ => bail!("unknown job `{}`", words.join(" ")),
    })
}

struct Forward<B: Backend> {
    backend: B,
    model: Model<B>,
    batch: Batch,
    logits: Option<B::Tensor>,
}

impl<B: Backend<Tensor = Activations>> Forward<B> {
    fn new(mut backend: B, file: &[u8], tokens: usize) -> Result<Self> {
        let file = model_file::read(file)?;
        let model = file.weights.upload(&mut backend);
        Ok(Forward { backend, model, batch: Batch::new(&[prompt(tokens)]), logits: None })
    }
}

impl<B: Backend<Tensor = Activations>> Job for Forward<B> {
    fn run(&mut self) {
        if let Some(logits) = self.logits.take() {
            self.backend.recycle(logits);
        }
        let logits = forward(&mut self.backend, &self.model, &self.batch, LogitsAt::Every, &mut ());
        self.logits = Some(logits.expect("a forward without hooks cannot fail"));
    }

    fn output(&self) -> Vec<f32> {
        self.logits.as_ref().map_or(Vec::new(), Activations::to_rows)
    }
}

struct Profile(Forward<Profiled>);

impl Job for Profile {
    fn run(&mut self) {
        self.0.run();
    }

    fn parts(&mut self) -> Vec<(&'static str, f64)> {
        take(&mut self.0.backend.times).into_iter().collect()
    }
}

/// The inputs of AbsTopK and attention in one forward pass.
fn given(file: &[u8], tokens: usize, now: fn() -> f64) -> Result<Vec<Given>> {
    let mut forward = Forward::new(Profiled::new(now), file, tokens)?;
    forward.backend.given = Some(Vec::new());
    forward.run();
    Ok(forward.backend.given.take().unwrap_or_default())
}

/// A job with a run function only.
struct Plain<F> {
    run: F,
    work: f64,
}

impl<F: FnMut()> Job for Plain<F> {
    fn run(&mut self) {
        (self.run)();
    }

    fn work(&self) -> f64 {
        self.work
    }
}

fn roofline() -> Plain<impl FnMut()> {
    const ROUNDS: usize = 2000;
    // A quarter of a first-level cache
    let x = vec![0.001f32; 2048];
    let mut sums = [0.0; 64];
    let work = 2.0 * (ROUNDS * x.len()) as f64;
    Plain { run: move || load_fed(ROUNDS, std::hint::black_box(0.5), &x, &mut sums), work }
}

fn product(rows: usize, cols: usize, density: f64) -> Plain<impl FnMut()> {
    const TOKENS: usize = 256;
    let mut random = Random::new(2);
    let w = random.sparse(rows, cols, density);
    let work = (2 * w.nonzeros() * TOKENS) as f64;
    let mut cpu = Cpu::new();
    let w = cpu.matrix(&WeightMatrix::Sparse(w));
    let mut x = Activations::zeros(cols, TOKENS);
    x.data_mut().iter_mut().for_each(|x| *x = random.normal());
    let mut y = Activations::zeros(rows, TOKENS);
    Plain { run: move || cpu.matmul(&w, None, &x, &mut y), work }
}

fn top_k(ours: bool, channels: usize, given: Vec<Given>) -> Plain<impl FnMut()> {
    let given: Vec<(usize, Activations)> = given
        .into_iter()
        .filter_map(|given| match given {
            Given::TopK { k, x } if x.channels() == channels => Some((k, x)),
            _ => None,
        })
        .collect();
    let mut y = given.first().expect("the model has places of this width").1.clone();
    let (mut cpu, mut magnitudes) = (Cpu::new(), Vec::new());
    let run = move || {
        for (k, x) in &given {
            y.data_mut().copy_from_slice(x.data());
            match ours {
                true => cpu.abs_top_k(*k, &mut y),
                false => select_nth(*k, &mut y, &mut magnitudes),
            }
        }
    };
    Plain { run, work: 0.0 }
}

/// For each token: copies the magnitudes, selects with the standard library, then zeroes the smaller values.
fn select_nth(k: usize, x: &mut Activations, magnitudes: &mut Vec<u32>) {
    for token in 0..x.tokens() {
        magnitudes.clear();
        magnitudes.extend((0..x.channels()).map(|c| x.get(token, c).to_bits() & 0x7fff_ffff));
        let threshold = *magnitudes.select_nth_unstable_by(k - 1, |a, b| b.cmp(a)).1;
        for c in 0..x.channels() {
            if x.get(token, c).to_bits() & 0x7fff_ffff < threshold {
                x.set(token, c, 0.0);
            }
        }
    }
}

fn attentions(ours: bool, tokens: usize, given: Vec<Given>) -> Plain<impl FnMut()> {
    let mut random = Random::new(3);
    let given: Vec<(usize, [Activations; 3])> = given
        .into_iter()
        .filter_map(|given| match given {
            Given::Attention { d_head, qkv } => Some((d_head, qkv)),
            _ => None,
        })
        .map(|(d_head, mut qkv)| {
            if !ours {
                qkv.iter_mut().flat_map(|x| x.data_mut()).for_each(|x| *x = random.normal());
            }
            (d_head, qkv)
        })
        .collect();
    let (mut cpu, batch) = (Cpu::new(), Batch::new(&[prompt(tokens)]));
    let mut y = given.first().expect("a model has attention").1[0].clone();
    let run = move || {
        for (d_head, [q, k, v]) in &given {
            cpu.attention(batch.spans(), *d_head, None, q, k, v, &mut y);
        }
    };
    Plain { run, work: 0.0 }
}

/// Steps from `step` on, on random tokens.
#[cfg(not(target_arch = "wasm32"))]
fn train(config: &[u8], mut step: u64) -> Result<Plain<impl FnMut() + use<>>> {
    use sparse_circuits::train::batches::Windows;
    use sparse_circuits::train::{TrainConfig, Trainer};
    let config = TrainConfig::from_json(&String::from_utf8_lossy(config))?;
    let vocabulary = config.model()?.vocab_size as u32;
    let mut trainer = Trainer::new(&config)?;
    let mut random = Random::new(4);
    let mut window = || (0..config.context).map(|_| random.below(vocabulary)).collect();
    let inputs: Vec<Vec<u32>> = (0..config.batch).map(|_| window()).collect();
    let targets = (0..config.batch).map(|_| window()).collect();
    let windows = Windows { inputs, targets };
    let run = move || {
        let loss = trainer.step(&windows, step).expect("the CPU does not fail").loss;
        assert!(loss.is_finite(), "the loss is {loss}");
        step += 1;
    };
    Ok(Plain { run, work: (config.batch * config.context) as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    #[test]
    fn profiling_does_not_change_the_result() {
        let file = models::file("S").unwrap();
        let mut plain = Forward::new(Cpu::new(), &file, 20).unwrap();
        let mut profiled = Profile(Forward::new(Profiled::new(|| 0.0), &file, 20).unwrap());
        plain.run();
        profiled.run();
        assert_eq!(plain.output(), profiled.0.output());
        assert!(profiled.parts().iter().any(|part| part.0 == "abs_top_k"));
        assert_eq!(given(&file, 20, || 0.0).unwrap().len(), 4 * (8 + 1));
    }

    #[test]
    fn selection_and_kernel_keep_the_same_entries() {
        let mut random = Random::new(5);
        let mut x = Activations::zeros(97, 32);
        x.data_mut().iter_mut().for_each(|x| *x = random.normal());
        let mut y = x.clone();
        Cpu::new().abs_top_k(24, &mut x);
        select_nth(24, &mut y, &mut Vec::new());
        assert_eq!(x, y);
    }
}
