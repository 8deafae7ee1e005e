//! Keeping the values that a pass computes at some hooks.

use crate::Result;
use crate::backend::Backend;
use crate::model::{Config, Hook, Hooks};
use std::collections::{BTreeMap, BTreeSet};

/// Copies of the values at the wanted hooks, as they are after what `inner` does there.
pub struct Record<'a, B: Backend, H> {
    inner: H,
    config: &'a Config,
    wanted: &'a BTreeSet<Hook>,
    values: BTreeMap<Hook, B::Tensor>,
}

impl<'a, B: Backend, H: Hooks<B>> Record<'a, B, H> {
    /// `config` is that of the model that runs.
    pub fn new(inner: H, config: &'a Config, wanted: &'a BTreeSet<Hook>) -> Record<'a, B, H> {
        Record { inner, config, wanted, values: BTreeMap::new() }
    }

    /// What was kept; tensors are padded to whole panels of tokens.
    pub fn into_values(self) -> BTreeMap<Hook, B::Tensor> {
        self.values
    }
}

impl<B: Backend, H: Hooks<B>> Hooks<B> for Record<'_, B, H> {
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()> {
        self.inner.forward(backend, hook, x)?;
        if self.wanted.contains(&hook) {
            self.values.insert(hook, copy(backend, x, hook.width(self.config)));
        }
        Ok(())
    }
}

/// A new tensor with the values of `x`; `channels` is the number of its channels.
pub fn copy<B: Backend>(backend: &mut B, x: &B::Tensor, channels: usize) -> B::Tensor {
    let tokens = backend.tokens(x);
    let mut y = backend.tensor(channels, tokens);
    backend.copy(x, &mut y);
    y
}
