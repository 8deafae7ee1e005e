//! What every implementation of the model must satisfy against the reference vectors of `tests/oracle/`: the reference of
//! these tests, and the engine on each backend. Tolerances are those of `tests/oracle/README.md`.

#![allow(dead_code)] // each test uses a part

pub mod engine;
pub mod vectors;

use sparse_circuits::model::{Config, Hook, Site, TopKSite};
use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use vectors::{Case, MaskSequence, Table, VectorEdit, tables};

/// An implementation of the model, with the weights of one case.
#[allow(async_fn_in_trait)]
pub trait Subject {
    /// Runs one sequence with `edits` applied in order. Gives the logits and the activations at `hooks`, edits included.
    async fn run(&mut self, tokens: &[u32], edits: &[VectorEdit], hooks: &[Hook]) -> RunOutput;

    /// Mean cross entropy of the next token over the targets that are not `None`.
    async fn next_token_loss(&mut self, tokens: &[u32], targets: &[Option<usize>]) -> f64;

    /// Task losses with `ablations` at the node locations.
    async fn task(&mut self, sequences: &[MaskSequence], ablations: &[MeanAblation]) -> TaskOutput;
}

pub struct RunOutput {
    /// `[token, vocab]`.
    pub logits: Table,
    /// `[token, channel]`.
    pub activations: BTreeMap<Hook, Table>,
}

/// `x -> mask * x + (1 - mask) * mean` at a hook, the same at every position.
pub struct MeanAblation {
    pub hook: Hook,
    pub mask: Vec<f64>,
    pub mean: Vec<f64>,
}

pub struct TaskOutput {
    /// One per sequence.
    pub losses: Vec<f64>,
    /// `[sequence, vocab]`: the logits at each sequence's last position.
    pub last_logits: Table,
    /// The derivative of the mean loss with respect to each mask; `None` where the implementation has none.
    pub gradients: Option<BTreeMap<Hook, Vec<f64>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Precision {
    Single,
    Double,
}

impl Precision {
    /// Largest error of an array, over the larger of 1 and the array's largest magnitude.
    fn arrays(self) -> f64 {
        match self {
            Precision::Single => 1e-5,
            Precision::Double => 1e-11,
        }
    }

    /// Largest absolute error of a loss.
    fn loss(self) -> f64 {
        self.arrays()
    }

    /// Largest error of a mask gradient, over the largest gradient of its case.
    fn gradient(self) -> f64 {
        match self {
            Precision::Single => 1e-5,
            Precision::Double => 1e-8,
        }
    }
}

/// What was compared, and what went wrong.
#[derive(Default)]
pub struct Findings {
    pub checks: usize,
    /// The largest error, in units of its tolerance.
    pub worst: f64,
    pub worst_at: String,
    pub failures: Vec<String>,
}

impl Findings {
    fn error(&mut self, at: &str, error: f64, tolerance: f64) {
        self.checks += 1;
        let units = if error.is_nan() { f64::INFINITY } else { error / tolerance };
        if units > self.worst {
            (self.worst, self.worst_at) = (units, at.to_string());
        }
        if units > 1.0 {
            self.failures.push(format!("{at}: error {error:.3e}, tolerance {tolerance:.0e}"));
        }
    }

    fn expect(&mut self, holds: bool, complaint: impl FnOnce() -> String) {
        self.checks += 1;
        if !holds {
            self.failures.push(complaint());
        }
    }

    fn table(&mut self, at: &str, got: &Table, want: &Table, precision: Precision) {
        if got.cols != want.cols || got.values.len() != want.values.len() {
            let shape = |table: &Table| format!("[{}, {}]", table.rows(), table.cols);
            return self.failures.push(format!("{at}: shape {} instead of {}", shape(got), shape(want)));
        }
        let largest = want.values.iter().fold(0f64, |most, v| most.max(v.abs()));
        self.error(at, largest_difference(&got.values, &want.values) / largest.max(1.0), precision.arrays());
    }

    /// Panics with every failure.
    pub fn assert(&self, name: &str) {
        println!("{name}: {} checks, worst {:.3} of its tolerance at {}", self.checks, self.worst, self.worst_at);
        assert!(self.checks > 0, "{name}: nothing was compared");
        assert!(self.failures.is_empty(), "{name}: {} failures\n{}", self.failures.len(), self.failures.join("\n"));
    }
}

/// NaN when anything compared is NaN.
fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most })
}

/// The place whose AbsTopK the hook sees the result of.
fn top_k_site(hook: Hook, n_layer: usize) -> Option<TopKSite> {
    match hook {
        Hook::FinalResid => (n_layer > 0).then_some(TopKSite::ResidPostMlp),
        Hook::At { layer, site } => match site {
            Site::ResidIn => (layer > 0).then_some(TopKSite::ResidPostMlp),
            Site::ResidMid => Some(TopKSite::ResidPostAttn),
            site => site.top_k_site(),
        },
    }
}

/// The width of the vector that the place's AbsTopK sees.
fn top_k_width(site: TopKSite, config: &Config) -> usize {
    match site {
        TopKSite::AttnIn | TopKSite::MlpIn => config.d_model + config.d_pos_emb.unwrap_or(0),
        TopKSite::AttnQ | TopKSite::AttnK | TopKSite::AttnV => config.n_head * config.d_head,
        TopKSite::MlpNeuron => config.d_mlp,
        _ => config.d_model,
    }
}

/// Sequences, interventions, kept sets, cross entropies and greedy continuations.
pub async fn check_forward(case: &Case, subject: &mut impl Subject, precision: Precision) -> Findings {
    let (config, expected) = (case.config(), case.expected());
    let arrays = match precision {
        Precision::Single => tables(case.expected),
        Precision::Double => tables(case.extras.expect("a case with f64 results").expected_f64),
    };
    let mut findings = Findings::default();
    if precision == Precision::Single {
        let listed = expected.arrays.iter().all(|array| arrays.contains_key(&array.name));
        assert!(listed && arrays.len() == expected.arrays.len(), "{}: the vectors are incomplete", case.name);
    }
    for (&site, &k) in &expected.afrac_k {
        let ours = config.top_k(site, top_k_width(site, &config));
        findings.expect(ours == Some(k), || format!("AbsTopK keeps {ours:?} at {}, not {k}", site.name()));
    }

    let plain = expected.sequences.iter().map(|sequence| (&sequence.id, sequence, [].as_slice()));
    let edited = expected.interventions.iter().map(|intervention| {
        let sequence =
            expected.sequences.iter().find(|sequence| sequence.id == intervention.seq).expect("its sequence");
        (&intervention.id, sequence, intervention.edits.as_slice())
    });
    let mut compared = 0;
    for (run, sequence, edits) in plain.chain(edited) {
        let prefix = format!("{run}.act.");
        let hooks: Vec<(Hook, &String)> = arrays
            .keys()
            .filter_map(|name| Some((name.strip_prefix(&prefix)?.parse().expect("the name of a hook"), name)))
            .collect();
        let wanted: Vec<Hook> = hooks.iter().map(|&(hook, _)| hook).collect();
        let outcome = subject.run(&sequence.tokens, edits, &wanted).await;
        let logits = format!("{run}.logits");
        findings.table(&logits, &outcome.logits, &arrays[&logits], precision);
        compared += 1 + hooks.len();
        for (hook, name) in hooks {
            let (got, want) = (&outcome.activations[&hook], &arrays[name]);
            findings.table(name, got, want, precision);
            if top_k_site(hook, config.n_layer).is_some_and(|site| expected.afrac_k.contains_key(&site)) {
                let same = got.values.iter().zip(&want.values).all(|(a, b)| (*a == 0.0) == (*b == 0.0));
                findings.expect(same, || format!("{name}: AbsTopK kept another set"));
            }
        }
    }
    findings.expect(compared == arrays.len(), || format!("compared {compared} of {} arrays", arrays.len()));

    for sequence in &expected.sequences {
        let loss = match precision {
            Precision::Single => sequence.cross_entropy_next_token,
            Precision::Double => sequence.cross_entropy_next_token_f64,
        };
        if let Some(want) = loss {
            let got = subject.next_token_loss(&sequence.tokens, &sequence.targets).await;
            findings.error(&format!("{}: next-token cross entropy", sequence.id), (got - want).abs(), precision.loss());
        }
    }
    for (id, greedy) in &expected.greedy_continuation {
        let mut tokens = expected.sequences.iter().find(|s| s.id == *id).expect("its sequence").tokens.clone();
        let prompt = tokens.len();
        while tokens.len() < prompt + greedy.continuation.len() {
            let context = &tokens[tokens.len().saturating_sub(config.block_size)..];
            let logits = subject.run(context, &[], &[]).await.logits;
            let last = logits.row(logits.rows() - 1);
            tokens.push((0..last.len()).max_by(|&a, &b| last[a].total_cmp(&last[b])).expect("a vocabulary") as u32);
        }
        let got = &tokens[prompt..];
        findings.expect(got == greedy.continuation, || {
            format!("{id}: greedy continuation {got:?} instead of {:?}", greedy.continuation)
        });
    }
    findings
}

/// Task losses, last logits and gradients under node masks. A case without masks has nothing to check.
pub async fn check_masks(case: &Case, subject: &mut impl Subject, precision: Precision) -> Findings {
    let mut findings = Findings::default();
    let Some((masks, arrays)) = case.masks() else {
        return findings;
    };
    for mask_case in &masks.cases {
        let name = &mask_case.case;
        let ablations: Vec<MeanAblation> = masks
            .node_locations
            .iter()
            .map(|&hook| MeanAblation {
                hook,
                mask: arrays[&format!("{name}.mask.{hook}")].values.clone(),
                mean: arrays[&format!("mu.{hook}")].values.clone(),
            })
            .collect();
        assert_eq!(ablations.iter().map(|ablation| ablation.mask.len()).sum::<usize>(), mask_case.n_nodes);
        let outcome = subject.task(&masks.sequences, &ablations).await;
        let (loss, suffix) = match precision {
            Precision::Single => (mask_case.loss, ""),
            Precision::Double => (mask_case.loss_f64, "_f64"),
        };
        let mean = outcome.losses.iter().sum::<f64>() / outcome.losses.len() as f64;
        findings.error(&format!("{name}: loss"), (mean - loss).abs(), precision.loss());
        let per_sequence = &arrays[&format!("{name}.loss_per_sequence{suffix}")].values;
        let error = largest_difference(&outcome.losses, per_sequence);
        findings.error(&format!("{name}: loss per sequence"), error, precision.loss());
        let last_logits = format!("{name}.last_logits"); // there is no f64 version of these
        findings.table(&last_logits, &outcome.last_logits, &arrays[&last_logits], Precision::Single);
        if let Some(gradients) = &outcome.gradients {
            let of = |hook: &Hook| &arrays[&format!("{name}.grad{suffix}.{hook}")].values;
            let largest =
                masks.node_locations.iter().flat_map(of).fold(0f64, |most, gradient| most.max(gradient.abs()));
            for hook in &masks.node_locations {
                let (got, want) = (&gradients[hook], of(hook));
                assert_eq!(got.len(), want.len(), "{hook}");
                let error = largest_difference(got, want) / largest;
                findings.error(&format!("{name}: gradient of the mask at {hook}"), error, precision.gradient());
            }
        }
    }
    findings
}

/// The result of a future that never waits, as those of the reference and of the CPU backend.
pub fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waited"),
    }
}
