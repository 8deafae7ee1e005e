//! The numbers that the page and `sparse-circuits predict` show: the two candidates and the most likely tokens.

use super::edits::Mode;
use super::run::{Request, Values, run};
use crate::backend::Backend;
use crate::circuit::definition::{Calibration, Circuit, probabilities};
use crate::model::Model;
use crate::{Result, bail};

/// How many of the likeliest tokens are shown.
pub const TOP: usize = 5;

#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Softmax over the two candidates; in circuit mode with the circuit's calibration.
    pub p: [f64; 2],
    /// `p[0] = sigmoid(score)`: the difference of the two logits; in circuit mode calibrated.
    pub score: f64,
    /// Raw logits of the two candidates.
    pub logits: [f32; 2],
    /// The candidates' probabilities among the whole vocabulary, from the raw logits.
    pub p_full: [f64; 2],
    /// The [`TOP`] likeliest tokens of the whole vocabulary with their probabilities, from the raw logits; ties go to the lower id.
    pub top: Vec<(u32, f64)>,
}

/// Runs and predicts the token after the prompt. Gives the values that the request asked for too.
///
/// # Errors
/// What [`run`] refuses; candidates beyond the vocabulary; edits so large that the logits are not finite.
pub async fn predict<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    request: &Request<'_>,
    candidates: [u32; 2],
) -> Result<(Prediction, Values)> {
    model.check_candidates(candidates)?;
    let values = run(backend, model, &Request { candidates: Some(candidates), ..*request })?.read(backend).await?;
    let last = match request.logits_at {
        crate::model::LogitsAt::Last => 0,
        crate::model::LogitsAt::Every => request.tokens.len() - 1,
    };
    let logits: Vec<f32> = (0..model.config.vocab_size).map(|token| values.logits.get(last, token)).collect();
    if logits.iter().any(|logit| !logit.is_finite()) {
        bail!("these edits produce non-finite logits; try smaller values");
    }
    let calibration = calibration(request.edits.mode, request.circuit);
    Ok((Prediction::new(&logits, candidates, calibration), values))
}

/// Only circuit mode is calibrated: the full model needs no calibration.
fn calibration(mode: Mode, circuit: Option<&Circuit>) -> Calibration {
    match (mode, circuit) {
        (Mode::Circuit, Some(circuit)) => circuit.calibration,
        _ => Calibration::default(),
    }
}

impl Prediction {
    /// From the raw logits of the whole vocabulary.
    pub fn new(logits: &[f32], candidates: [u32; 2], calibration: Calibration) -> Prediction {
        let raw = candidates.map(|id| logits[id as usize]);
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max) as f64;
        let sum: f64 = logits.iter().map(|&logit| (logit as f64 - largest).exp()).sum();
        let p = |id: u32| (logits[id as usize] as f64 - largest).exp() / sum;
        let score = calibration.score(raw[0], raw[1]);
        Prediction {
            p: probabilities(score),
            score,
            logits: raw,
            p_full: candidates.map(p),
            top: largest_first(logits, TOP).into_iter().map(|id| (id, p(id))).collect(),
        }
    }
}

/// The ids of the `count` largest logits, largest first.
fn largest_first(logits: &[f32], count: usize) -> Vec<u32> {
    let mut best: Vec<u32> = Vec::with_capacity(count + 1);
    for id in 0..logits.len() as u32 {
        let at = best.partition_point(|&other| logits[other as usize] >= logits[id as usize]);
        if at < count {
            best.insert(at, id);
            best.truncate(count);
        }
    }
    best
}
