//! Circuit files: a [`Circuit`] as JSON, with the model it belongs to.
//!
//! ```json
//! {"format_version": 1, "model": "9f86d081884c7d65", "circuit": {"task": "single_double_quote", ...}, "provenance": {...}}
//! ```
//!
//! `model` is [`super::model_file::fingerprint`] of the weights that the circuit was found in. The fields of `circuit`
//! are those of [`Circuit`].

use super::versioned;
use crate::circuit::{Circuit, Scores};
use crate::model::Weights;
use crate::{Result, bail};
use serde::{Deserialize, Serialize};

const FORMAT_VERSION: u64 = 1;
/// A circuit of every node of a large model takes far fewer bytes.
const MAX_BYTES: usize = 16 << 20;
/// Characters of each text in a node's label.
const MAX_LABEL: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub struct CircuitFile {
    /// Fingerprint of the model that the circuit belongs to.
    pub model: String,
    pub circuit: Circuit,
    /// How the circuit was found: seed, target loss, search.
    pub provenance: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format_version: u64,
    model: String,
    circuit: Circuit,
    #[serde(default)]
    provenance: serde_json::Value,
}

/// # Errors
/// When the circuit could not be read again (see [`read`]).
pub fn write(file: &CircuitFile) -> Result<Vec<u8>> {
    let CircuitFile { model, circuit, provenance } = file.clone();
    check(&circuit)?;
    match serde_json::to_vec_pretty(&Stored { format_version: FORMAT_VERSION, model, circuit, provenance }) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            Ok(bytes)
        }
        Err(error) => bail!("the circuit cannot be written as JSON: {error}"),
    }
}

/// # Errors
/// Text that is not JSON, another version, unknown or missing fields, malformed node names, and numbers that are not finite or
/// out of range. [`CircuitFile::check`] checks whether the nodes exist.
pub fn read(bytes: &[u8]) -> Result<CircuitFile> {
    if bytes.len() > MAX_BYTES {
        bail!("the circuit file has {} bytes; at most {MAX_BYTES} are read", bytes.len());
    }
    let Ok(text) = str::from_utf8(bytes) else { bail!("this is not a circuit file: it is not text") };
    let Stored { model, circuit, provenance, .. } = versioned::read("circuit", FORMAT_VERSION, text)?;
    check(&circuit)?;
    Ok(CircuitFile { model, circuit, provenance })
}

impl CircuitFile {
    /// Whether the circuit can run in this model.
    ///
    /// # Errors
    /// When it was found in another model, or names nodes or tokens that the model does not have.
    pub fn check(&self, weights: &Weights) -> Result<()> {
        let fingerprint = super::model_file::fingerprint(weights);
        if self.model != fingerprint {
            bail!(
                "the circuit for {} was found in the model {}, but this model is {fingerprint}; use that model, or prune this one",
                self.circuit.task,
                printable(&self.model)
            );
        }
        self.circuit.check(&weights.config)
    }
}

/// The checks that need no model.
fn check(circuit: &Circuit) -> Result<()> {
    let task = &circuit.task;
    if task.is_empty() || task.len() > 100 || !task.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        bail!("the circuit file's task \"{}\" is not a task's name", printable(task));
    }
    circuit.check_calibration()?;
    circuit.check_nested()?;
    let mut texts =
        circuit.labels.iter().flat_map(|(node, label)| label.texts().into_iter().map(move |text| (node, text)));
    if let Some((node, text)) = texts.find(|(_, text)| text.chars().count() > MAX_LABEL) {
        bail!(
            "the circuit for {task} gives {node} a name of {} characters; at most {MAX_LABEL} are read",
            text.chars().count()
        );
    }
    if let Some(scores) = circuit.scores {
        check_scores(task, &scores)?;
    }
    Ok(())
}

fn check_scores(task: &str, scores: &Scores) -> Result<()> {
    let shares = [
        scores.accuracy,
        scores.unpruned_accuracy,
        scores.removed_accuracy,
        scores.flip_rate_circuit,
        scores.flip_rate_full,
        scores.handwritten_accuracy.unwrap_or_default(),
        scores.handwritten_unpruned_accuracy.unwrap_or_default(),
    ];
    let losses = [scores.loss, scores.unpruned_loss, scores.removed_loss];
    if let Some(share) = shares.into_iter().find(|share| !(0.0..=1.0).contains(share)) {
        bail!("the circuit for {task} has a score of {share} where a share of 0 to 1 is expected");
    }
    if let Some(loss) = losses.into_iter().find(|loss| !(loss.is_finite() && *loss >= 0.0)) {
        bail!("the circuit for {task} has a loss of {loss}, which is out of range");
    }
    Ok(())
}

fn printable(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}
