//! Hybrid passes start in one model, cross the bridge at a boundary and end in the other.

use super::DeviceBridge;
use crate::Result;
use crate::backend::{Backend, Batch};
use crate::model::{LogitsAt, Model, forward_from, forward_with_trace};

/// The direction of a hybrid pass: which model it starts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// Dense up to the boundary, encoded, sparse from there on.
    DenseToSparse,
    /// Sparse up to the boundary, decoded, dense from there on.
    SparseToDense,
}

/// The logits of a pass that crosses at `boundary` (0 = right after the embedding, `2 n_layer` = right before the last norm).
///
/// # Errors
/// Those of the passes; without hooks a pass does not fail.
#[allow(clippy::too_many_arguments)]
pub fn hybrid<B: Backend>(
    backend: &mut B,
    sparse: &Model<B>,
    dense: &Model<B>,
    bridge: &DeviceBridge<B>,
    crossing: Crossing,
    boundary: usize,
    batch: &Batch,
    logits_at: LogitsAt,
) -> Result<B::Tensor> {
    let (first, second) = match crossing {
        Crossing::DenseToSparse => (dense, sparse),
        Crossing::SparseToDense => (sparse, dense),
    };
    let (logits, trace) = forward_with_trace(backend, first, batch, LogitsAt::Last, &mut ())?;
    backend.recycle(logits);
    let resid = match crossing {
        Crossing::DenseToSparse => bridge.encode(backend, boundary, trace.resid(boundary)),
        Crossing::SparseToDense => bridge.decode(backend, boundary, trace.resid(boundary)),
    };
    trace.recycle(backend);
    let (logits, trace) = forward_from(backend, second, batch, boundary, resid, logits_at, &mut ())?;
    trace.recycle(backend);
    Ok(logits)
}
