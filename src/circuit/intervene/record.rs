//! Keeping the values that a pass computes at some hooks.

use crate::Result;
use crate::backend::{Backend, Batch};
use crate::model::{Config, Hook, Hooks, Inputs, LogitInputs, LogitsAt, Model, copy, forward};
use crate::tensor::Activations;
use std::collections::{BTreeMap, BTreeSet};

/// Runs the model over `batch` with the hooks `inner`, and reads the values at the hooks of `wanted`, as they are after what `inner`
/// does there. Columns are padded to whole panels of tokens.
///
/// # Errors
/// What `inner` returns; a device that fails.
pub async fn record<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batch: &Batch,
    inner: impl Hooks<B>,
    wanted: &BTreeSet<Hook>,
) -> Result<BTreeMap<Hook, Activations>> {
    let mut record = Record { inner, config: &model.config, wanted, values: BTreeMap::new() };
    let logits = forward(backend, model, batch, LogitsAt::Last, &mut record)?;
    backend.recycle(logits);
    let values = record.values;
    let read = backend.read_all(&values.values().collect::<Vec<_>>()).await?;
    let hooks: Vec<Hook> = values.keys().copied().collect();
    values.into_values().for_each(|tensor| backend.recycle(tensor));
    Ok(hooks.into_iter().zip(read).collect())
}

/// Copies of the values at the wanted hooks, as they are after what `inner` does there.
struct Record<'a, B: Backend, H> {
    inner: H,
    config: &'a Config,
    wanted: &'a BTreeSet<Hook>,
    values: BTreeMap<Hook, B::Tensor>,
}

impl<B: Backend, H: Hooks<B>> Hooks<B> for Record<'_, B, H> {
    fn sums(&mut self, backend: &mut B, hook: Hook, inputs: Inputs<'_, B>, y: &mut B::Tensor) -> Result<()> {
        self.inner.sums(backend, hook, inputs, y)
    }

    fn logits(&mut self, backend: &mut B, inputs: LogitInputs<'_, B>, logits: &mut B::Tensor) {
        self.inner.logits(backend, inputs, logits);
    }

    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        self.inner.forward(backend, hook, x)?;
        if self.wanted.contains(&hook) {
            self.values.insert(hook, copy(backend, x, hook.width(self.config)));
        }
        Ok(())
    }
}
