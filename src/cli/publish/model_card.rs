//! The model card that `publish` writes: text and tables about a model and its measurements. [`super::twin`] writes
//! the part about the dense twin.

use super::bundle::{Bundle, PublishedTask};
use crate::circuit::evaluate::{EXAMPLES_RULE, LossAndAccuracy};
use crate::circuit::explain::model_info;
use crate::files;
use crate::{Error, Result};
use serde_json::Value;
use std::path::Path;

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn loss_and_accuracy(measured: &LossAndAccuracy) -> String {
    format!("{:.3}, {}", measured.loss, percent(measured.accuracy))
}

/// One training run, read from a model's provenance.
struct Run {
    tokens: f64,
    synthetic_share: f64,
}

/// The last run, then the runs that it continued, newest first.
fn runs(provenance: &Value) -> Vec<Run> {
    std::iter::successors(Some(provenance), |of| of.get("start"))
        .filter_map(|of| {
            let synthetic_share = of["training"]["synthetic_share"].as_f64().unwrap_or(0.5);
            Some(Run { tokens: of["tokens"].as_f64()?, synthetic_share })
        })
        .collect()
}

/// The part of the card about one model. Every number comes from the files or from the evaluation that just ran.
pub fn card(bundle: &Bundle) -> String {
    let Bundle { file, bytes, tasks, missing, .. } = bundle;
    let info = model_info(&file.weights);
    let provenance = &file.provenance;
    let bigram = file.weights.nonzeros().bigram_table;
    let mut text = format!(
        "`{}`: {} layers, {} residual channels, {} neurons per layer, head size {}, vocabulary {}, context {}. \
         {} nonzero weights, plus {bigram} entries of a bigram table. {:.0} KB.\n\n",
        bundle.model_file(),
        info.layers,
        info.width,
        info.mlp_width,
        info.head_width,
        info.vocab_size,
        info.context_length,
        info.nonzeros,
        bytes.len() as f64 / 1000.0,
    );
    if let Some(loss) = provenance["held_out_loss"]["mean"].as_f64() {
        let runs = runs(provenance);
        let tokens: f64 = runs.iter().map(|run| run.tokens).sum();
        let synthetic: f64 = runs.iter().map(|run| run.tokens * run.synthetic_share).sum();
        text += &format!(
            "Trained on {:.1} million tokens{}: {:.0} % synthetic Python, the rest real Python. Held-out cross entropy before the file \
             was made compact: {loss:.3} nats per token (real {:.3}, synthetic {:.3}). The file's metadata has the configs, seeds and \
             losses.\n\n",
            tokens / 1e6,
            if runs.len() > 1 { format!(" in {} consecutive runs", runs.len()) } else { String::new() },
            100.0 * synthetic / tokens,
            provenance["held_out_loss"]["real"].as_f64().unwrap_or(f64::NAN),
            provenance["held_out_loss"]["synthetic"].as_f64().unwrap_or(f64::NAN),
        );
    }
    text += "Loss (in nats, over the two candidates) and accuracy on test pairs. \
             The circuits are calibrated on train pairs.\n\n\
             | task | full model | nodes | edges | circuit alone | circuit removed | \
             flip rate, circuit | flip rate, full model |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for PublishedTask { task, report, .. } in tasks {
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            task.name,
            loss_and_accuracy(&report.on_pairs.full),
            report.nodes,
            report.edges,
            loss_and_accuracy(&report.on_pairs.circuit),
            loss_and_accuracy(&report.on_pairs.removed),
            percent(report.flips.circuit),
            percent(report.flips.full),
        );
    }
    let logs: f64 = tasks.iter().map(|one| (one.report.edges.max(1) as f64).ln()).sum();
    text += &format!("\nGeometric mean of the number of edges: {:.1}.\n", (logs / tasks.len() as f64).exp());
    text += "\nLoss and accuracy on the hand-written prompts:\n\n| task | prompts | full model | circuit alone | circuit removed |\n\
             | --- | --- | --- | --- | --- |\n";
    for PublishedTask { task, report, .. } in tasks {
        text += &format!(
            "| {} | {} | {} | {} | {} |\n",
            task.name,
            report.handwritten,
            loss_and_accuracy(&report.on_handwritten.full),
            loss_and_accuracy(&report.on_handwritten.circuit),
            loss_and_accuracy(&report.on_handwritten.removed),
        );
    }
    text += &format!("\n{EXAMPLES_RULE}\n");
    let redundant: Vec<&str> = tasks.iter().filter(|one| one.report.is_redundant()).map(|one| one.task.name).collect();
    if !redundant.is_empty() {
        text += &format!(
            "\nThese circuits are sufficient but not necessary: {}. Without the circuit, other nodes do the same work.\n",
            redundant.join(", "),
        );
    }
    for (task, measured) in missing {
        text +=
            &format!("\nNo circuit is published for {} (full model: {}).\n", task.name, loss_and_accuracy(measured));
    }
    text
}

/// The table of untrained baselines, from the reports `TASK.json` in `folder`.
///
/// # Errors
/// A report that is missing or is not JSON.
pub fn untrained_baselines(folder: &Path, tasks: &[PublishedTask]) -> Result<String> {
    let mut text = "\n## The same search on an untrained model of the same shape\n\n\
                    Edges of the best circuit, and its calibrated validation loss; if the target was not reached, the lowest loss. \
                    A random guess has a loss of 0.693.\n\n| task | edges | loss |\n| --- | --- | --- |\n"
        .to_string();
    for PublishedTask { task, .. } in tasks {
        let path = folder.join(format!("{}.json", task.name));
        let baseline: Value = serde_json::from_slice(&files::read(&path)?).map_err(|error| {
            Error::invalid(format!("{} is not a report of prune --untrained: {error}", path.display()))
        })?;
        let edges = baseline["edges"].as_u64().map_or("target not reached".into(), |edges| edges.to_string());
        text += &format!("| {} | {edges} | {:.3} |\n", task.name, baseline["loss"].as_f64().unwrap_or(f64::NAN));
    }
    Ok(text)
}
