//! The reference runs of a view: the same prompt without edits, in the full model, and with every node at its mean.

use super::view::Subject;
use crate::Result;
use crate::backend::Backend;
use crate::circuit::definition::Circuit;
use crate::circuit::intervene::{Edits, Mode, Prediction, Request, Values, predict};
use crate::model::Hook;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a view is compared with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Reference {
    /// As `View.p`.
    pub p: [f64; 2],
    /// For each circuit node, its value at the token at which the view reads it.
    pub values: Vec<f32>,
}

/// A run without edits.
#[derive(Clone)]
pub struct Untouched {
    pub prediction: Prediction,
    /// `[nodes, tokens]`, as `View.activations`.
    values: Vec<f32>,
}

impl Untouched {
    pub fn new(prediction: Prediction, values: Vec<f32>) -> Untouched {
        Untouched { prediction, values }
    }

    /// Of the nodes at the tokens `read_at`.
    pub fn reference(&self, read_at: &[usize], tokens: usize) -> Reference {
        let rows = self.values.chunks_exact(tokens).zip(read_at);
        Reference { p: self.prediction.p, values: rows.map(|(row, &token)| row[token]).collect() }
    }
}

/// Runs without edits of one prompt, kept so that each step of a slider costs one pass. Another task or prompt drops them.
#[derive(Default)]
pub struct References {
    task: String,
    tokens: Vec<u32>,
    /// Full, circuit, removed.
    runs: [Option<Untouched>; 3],
    baseline: Option<[f64; 2]>,
}

impl References {
    /// Keeps what belongs to the task and the prompt, drops the rest.
    pub fn focus(&mut self, task: &str, tokens: &[u32]) {
        if self.task != task || self.tokens != tokens {
            *self = References { task: task.into(), tokens: tokens.into(), ..References::default() };
        }
    }

    /// Takes a run without edits that the caller has made.
    pub fn keep(&mut self, mode: Mode, run: Untouched) {
        self.runs[mode as usize] = Some(run);
    }

    /// The run without edits in a mode.
    ///
    /// # Errors
    /// As [`predict`].
    pub async fn untouched<B: Backend>(
        &mut self,
        backend: &mut B,
        subject: &Subject<'_, B>,
        mode: Mode,
    ) -> Result<&Untouched> {
        if self.runs[mode as usize].is_none() {
            let hooks = subject.circuit.nodes.iter().map(|node| node.hook).collect();
            let edits = Edits { mode, ..Edits::default() };
            let (prediction, run) = self.run(backend, subject, &edits, &hooks).await?;
            let values = values_of(subject.circuit, &run, self.tokens.len());
            self.keep(mode, Untouched { prediction, values });
        }
        Ok(self.runs[mode as usize].as_ref().expect("made above"))
    }

    /// The probabilities in circuit mode with the circuit's nodes off too: every node of the model is at its mean.
    ///
    /// # Errors
    /// As [`predict`].
    pub async fn baseline<B: Backend>(&mut self, backend: &mut B, subject: &Subject<'_, B>) -> Result<[f64; 2]> {
        if let Some(p) = self.baseline {
            return Ok(p);
        }
        let p = self.run(backend, subject, &Edits::all_at_means(subject.circuit), &BTreeSet::new()).await?.0.p;
        self.baseline = Some(p);
        Ok(p)
    }

    async fn run<B: Backend>(
        &self,
        backend: &mut B,
        subject: &Subject<'_, B>,
        edits: &Edits,
        hooks: &BTreeSet<Hook>,
    ) -> Result<(Prediction, Values)> {
        let request =
            Request { circuit: Some(subject.circuit), hooks, ..Request::new(&self.tokens, edits, subject.means) };
        predict(backend, subject.model, &request, subject.circuit.candidate_ids).await
    }
}

/// `[nodes, tokens]`: the values of the circuit's nodes, whose hooks must have been recorded.
pub fn values_of(circuit: &Circuit, run: &Values, tokens: usize) -> Vec<f32> {
    let of = |node: crate::model::Node| (0..tokens).map(move |token| run.values[&node.hook].get(token, node.index));
    circuit.nodes.iter().flat_map(|&node| of(node)).collect()
}
