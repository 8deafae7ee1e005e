//! A run of a model on one prompt with [`Edits`] applied: what the page, `run` and `predict` share.

use super::edits::Edits;
use super::plan::{Applied, Means, Plan, Source, align};
use crate::Result;
use crate::backend::{Backend, Batch};
use crate::circuit::definition::Circuit;
use crate::model::{Hook, LogitsAt, Model, forward};
use crate::tensor::Activations;
use std::collections::{BTreeMap, BTreeSet};

/// What to run.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Prompt A.
    pub tokens: &'a [u32],
    /// Prompt B, from which patched and flipped nodes take their values.
    pub source: Option<&'a [u32]>,
    pub edits: &'a Edits,
    pub circuit: Option<&'a Circuit>,
    /// Token ids of the task's candidates, for edges to the logits; `None`: those of the circuit.
    pub candidates: Option<[u32; 2]>,
    pub means: &'a Means,
    pub logits_at: LogitsAt,
    /// Hooks whose values are wanted, as they are after the edits.
    pub hooks: &'a BTreeSet<Hook>,
    /// Hooks whose values are wanted as computed, before the edits there.
    pub computed: &'a BTreeSet<Hook>,
}

impl<'a> Request<'a> {
    /// A run of prompt A alone, for the logits of its last token.
    pub fn new(tokens: &'a [u32], edits: &'a Edits, means: &'a Means) -> Request<'a> {
        static NONE: BTreeSet<Hook> = BTreeSet::new();
        Request {
            tokens,
            source: None,
            edits,
            circuit: None,
            candidates: None,
            means,
            logits_at: LogitsAt::Last,
            hooks: &NONE,
            computed: &NONE,
        }
    }
}

/// What a run computed, on the device. Tensors are padded to whole panels of tokens.
pub struct RunTensors<B: Backend> {
    pub logits: B::Tensor,
    pub values: BTreeMap<Hook, B::Tensor>,
    pub computed: BTreeMap<Hook, B::Tensor>,
}

/// [`RunTensors`] on the host.
pub struct Values {
    /// One column a token, or one column with [`LogitsAt::Last`].
    pub logits: Activations,
    pub values: BTreeMap<Hook, Activations>,
    pub computed: BTreeMap<Hook, Activations>,
}

/// Runs prompt B in the same mode with no other edits where the edits want its values, then prompt A.
///
/// # Errors
/// Everything that [`Plan::new`] refuses; an empty prompt, one longer than the context, tokens beyond the vocabulary; a patch or flip without
/// prompt B.
pub fn run<B: Backend>(backend: &mut B, model: &Model<B>, request: &Request<'_>) -> Result<RunTensors<B>> {
    let Request { tokens, source, edits, circuit, candidates, means, logits_at, hooks, computed } = *request;
    model.check_tokens("the prompt", tokens)?;
    let plan = Plan::new(backend, &model.config, means, circuit, candidates, edits)?;

    let wanted = plan.patched_hooks();
    let mut source_values = BTreeMap::new();
    let mut source_tokens = Vec::new();
    if let Some(source) = source
        && !wanted.is_empty()
    {
        model.check_tokens("the second prompt", source)?;
        let mode_only = Edits { mode: edits.mode, ..Edits::default() };
        let plan = Plan::new(backend, &model.config, means, circuit, candidates, &mode_only)?;
        let tensors = pass(backend, model, source, &plan, None, LogitsAt::Last, &wanted, &BTreeSet::new())?;
        backend.recycle(tensors.logits);
        source_values = tensors.values;
        source_tokens = align(source.len(), tokens.len());
    }
    let source = Source { values: &source_values, tokens: source_tokens };
    let tensors = pass(backend, model, tokens, &plan, Some(source), logits_at, hooks, computed)?;
    source_values.into_values().for_each(|tensor| backend.recycle(tensor));
    Ok(tensors)
}

#[allow(clippy::too_many_arguments)]
fn pass<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    tokens: &[u32],
    plan: &Plan<B>,
    source: Option<Source<'_, B>>,
    logits_at: LogitsAt,
    record: &BTreeSet<Hook>,
    record_computed: &BTreeSet<Hook>,
) -> Result<RunTensors<B>> {
    let mut applied = Applied {
        config: &model.config,
        plan,
        source,
        record,
        record_computed,
        values: BTreeMap::new(),
        computed: BTreeMap::new(),
        writes: BTreeMap::new(),
    };
    let logits = forward(backend, model, &Batch::new(&[tokens]), logits_at, &mut applied)?;
    applied.writes.into_values().for_each(|tensor| backend.recycle(tensor));
    Ok(RunTensors { logits, values: applied.values, computed: applied.computed })
}

impl<B: Backend> RunTensors<B> {
    /// Brings everything to the host and gives the tensors back.
    pub async fn read(self, backend: &mut B) -> Result<Values> {
        let hooks = self.values.values().chain(self.computed.values());
        let tensors: Vec<&B::Tensor> = std::iter::once(&self.logits).chain(hooks).collect();
        let mut read = backend.read_all(&tensors).await?.into_iter();
        // in the order of `tensors`
        let logits = read.next().expect("the logits");
        let [values, computed] = [&self.values, &self.computed].map(|tensors| {
            // `extend` and not `collect`, which sorts: its code would add 8 KB to the page's engine
            let mut on_host = BTreeMap::new();
            on_host.extend(tensors.keys().copied().zip(read.by_ref()));
            on_host
        });
        let hooks = self.values.into_values().chain(self.computed.into_values());
        std::iter::once(self.logits).chain(hooks).for_each(|tensor| backend.recycle(tensor));
        Ok(Values { logits, values, computed })
    }
}
