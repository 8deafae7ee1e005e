//! Batches of token windows from the two corpora, the same for the same seed and step.

use crate::random::Rng;
use crate::{Result, bail, files};
use std::path::Path;

/// Token ids of the corpus that `sparse-circuits corpus` wrote.
pub struct Corpus {
    pub real: Vec<u16>,
    pub synthetic: Vec<u16>,
}

/// Sequences and what follows each of their tokens.
pub struct Windows {
    pub inputs: Vec<Vec<u32>>,
    pub targets: Vec<Vec<u32>>,
}

/// Little-endian u16 token ids below `vocab_size`.
pub fn read_tokens(path: &Path, vocab_size: usize) -> Result<Vec<u16>> {
    let bytes = files::read(path)?;
    if bytes.len() % 2 != 0 {
        bail!("{} is not a file of 16-bit token ids: it has {} bytes", path.display(), bytes.len());
    }
    let tokens: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    if let Some(token) = tokens.iter().find(|&&t| t as usize >= vocab_size) {
        bail!("{} has token {token}, outside the model's vocabulary of {vocab_size} tokens", path.display());
    }
    Ok(tokens)
}

impl Corpus {
    /// `split` = `train` or `valid`.
    pub fn read(folder: &Path, split: &str, vocab_size: usize, context: usize) -> Result<Corpus> {
        let real = read_tokens(&folder.join(format!("real.{split}.bin")), vocab_size)?;
        let synthetic = read_tokens(&folder.join(format!("synthetic.{split}.bin")), vocab_size)?;
        if real.len() <= context + 1 || synthetic.len() <= context + 1 {
            bail!("the {split} corpus in {} is shorter than one sequence of {context} tokens", folder.display());
        }
        Ok(Corpus { real, synthetic })
    }

    /// The batch of a step: `batch` windows at random places. A fraction `synthetic_share` of them
    /// is synthetic, spread evenly over the batch.
    pub fn batch(&self, seed: u64, step: u64, batch: usize, context: usize, synthetic_share: f64) -> Windows {
        let mut random = Rng::with_stream(seed, step + 1);
        let synthetic = (batch as f64 * synthetic_share).round() as usize;
        let mut windows = Windows { inputs: Vec::with_capacity(batch), targets: Vec::with_capacity(batch) };
        for i in 0..batch {
            // spread evenly, so that all parts of a batch have the same mix
            let is_synthetic = (i + 1) * synthetic / batch != i * synthetic / batch;
            let tokens = if is_synthetic { &self.synthetic } else { &self.real };
            let start = random.below_large(tokens.len() - context);
            windows.push(&tokens[start..start + context + 1]);
        }
        windows
    }
}

impl Windows {
    fn push(&mut self, window: &[u16]) {
        let wide: Vec<u32> = window.iter().map(|&t| t as u32).collect();
        self.targets.push(wide[1..].to_vec());
        self.inputs.push(wide[..wide.len() - 1].to_vec());
    }

    /// `count` windows spread evenly over `tokens`. Deterministic.
    pub fn spread(tokens: &[u16], count: usize, context: usize) -> Windows {
        let mut windows = Windows { inputs: Vec::new(), targets: Vec::new() };
        let last = tokens.len() - context - 1;
        for i in 0..count {
            let start = last * i / count.max(2);
            windows.push(&tokens[start..start + context + 1]);
        }
        windows
    }
}
