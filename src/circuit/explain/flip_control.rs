//! The control of a flip: the flip nodes take their values from prompts with the same right answer.

use super::view::Subject;
use crate::Result;
use crate::backend::Backend;
use crate::circuit::intervene::{Edits, Mode, Request, predict};
use serde::{Deserialize, Serialize};

/// A flip of prompt A with other prompts than prompt B.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct FlipControlRequest {
    pub task: String,
    /// Prompt A as token ids.
    pub a: Vec<u32>,
    /// Prompts as token ids. The flip nodes take their values from each of them, token by token from the end.
    pub donors: Vec<Vec<u32>>,
    pub mode: Mode,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FlipControl {
    /// As `View.p`, for each donor.
    pub p: Vec<[f64; 2]>,
}

/// Flips prompt A once for each donor.
///
/// # Errors
/// As [`crate::circuit::run`].
pub async fn flip_control<B: Backend>(
    backend: &mut B,
    subject: Subject<'_, B>,
    request: &FlipControlRequest,
) -> Result<FlipControl> {
    let Subject { model, means, circuit, .. } = subject;
    let edits = Edits { mode: request.mode, flip: true, ..Edits::default() };
    let mut p = Vec::new();
    for donor in &request.donors {
        let run = Request { source: Some(donor), circuit: Some(circuit), ..Request::new(&request.a, &edits, means) };
        p.push(predict(backend, model, &run, circuit.candidate_ids).await?.0.p);
    }
    Ok(FlipControl { p })
}
