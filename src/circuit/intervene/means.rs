//! Means of every channel at every hook over a corpus: the values at which ablated nodes are held (Gao et al. 2025, 2.2).

use super::plan::Means;
use super::record::record;
use crate::backend::{Backend, Batch};
use crate::model::{Config, Hook, Model};
use crate::tensor::{Activations, PANEL};
use crate::{Result, bail};
use std::collections::BTreeMap;

/// Running sums for the means; every token has the same weight.
pub struct MeanAccumulator {
    totals: BTreeMap<Hook, Vec<f64>>,
    tokens: u64,
}

impl MeanAccumulator {
    pub fn new(config: &Config) -> MeanAccumulator {
        let totals = Hook::all(config.n_layer).into_iter().map(|hook| (hook, vec![0.0; hook.width(config)]));
        MeanAccumulator { totals: totals.collect(), tokens: 0 }
    }

    /// Tokens so far.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Runs the sequences as one batch and adds the values at every token. There must be at least one sequence; each has
    /// between one token and as many as the context.
    ///
    /// # Errors
    /// Tokens beyond the vocabulary, a failing device.
    pub async fn add<B: Backend>(&mut self, backend: &mut B, model: &Model<B>, sequences: &[&[u32]]) -> Result<()> {
        let vocab = model.config.vocab_size;
        if let Some(token) = sequences.iter().copied().flatten().find(|&&token| token as usize >= vocab) {
            bail!("the corpus has the token {token}; the model's tokens are 0 to {}", vocab - 1);
        }
        let batch = Batch::new(sequences);
        let hooks = self.totals.keys().copied().collect();
        for (hook, values) in record(backend, model, &batch, (), &hooks).await? {
            let totals = self.totals.get_mut(&hook).expect("sums are made for every hook");
            for span in batch.spans() {
                add_tokens(&values, span.start, span.len, totals);
            }
        }
        self.tokens += sequences.iter().map(|sequence| sequence.len() as u64).sum::<u64>();
        Ok(())
    }

    /// Adds what another has summed.
    pub fn merge(&mut self, other: MeanAccumulator) {
        for (hook, sums) in other.totals {
            let totals = self.totals.get_mut(&hook).expect("both are of one model");
            totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        self.tokens += other.tokens;
    }

    /// # Errors
    /// When there was no token, or a value was not finite.
    pub fn means(&self) -> Result<Means> {
        if self.tokens == 0 {
            bail!("the corpus has no tokens: there is nothing to average");
        }
        let mean = |total: &f64| (total / self.tokens as f64) as f32;
        let means: Means =
            self.totals.iter().map(|(hook, totals)| (*hook, totals.iter().map(mean).collect())).collect();
        match means.iter().find(|(_, mean)| mean.iter().any(|value| !value.is_finite())) {
            Some((hook, _)) => bail!("the model's values at {hook} are not finite on this corpus"),
            None => Ok(means),
        }
    }
}

/// `totals[channel] +=` the sum over tokens `start..start + len`; `start` is a panel's first.
fn add_tokens(values: &Activations, start: usize, len: usize, totals: &mut [f64]) {
    for (panel, first) in (start / PANEL..).zip((0..len).step_by(PANEL)) {
        let lanes = PANEL.min(len - first);
        for (total, values) in totals.iter_mut().zip(values.panel(panel).chunks_exact(PANEL)) {
            *total += values[..lanes].iter().map(|&value| f64::from(value)).sum::<f64>();
        }
    }
}
