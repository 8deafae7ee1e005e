//! The model card that `publish` writes: what a model is and what was measured of it, in words and tables. The dense twin's part is in
//! [`super::twin`].

use super::bundle::{Bundle, PublishedTask};
use crate::circuit::evaluate::LossAndAccuracy;
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

/// One training run, as a model's provenance tells of it.
struct Run {
    tokens: f64,
    synthetic_share: f64,
}

/// The last run and those that it went on from.
fn runs(provenance: &Value) -> Vec<Run> {
    std::iter::successors(Some(provenance), |of| of.get("start"))
        .filter_map(|of| {
            let synthetic_share = of["training"]["synthetic_share"].as_f64().unwrap_or(0.5);
            Some(Run { tokens: of["tokens"].as_f64()?, synthetic_share })
        })
        .collect()
}

/// What was measured, in words and tables. Every number comes from the files or from the evaluation just made.
pub fn card(bundle: &Bundle) -> String {
    let Bundle { file, bytes, tasks, missing, .. } = bundle;
    let info = model_info(&file.weights);
    let provenance = &file.provenance;
    let bigram = file.weights.nonzeros().bigram_table;
    let mut text = format!(
        "`{}`: {} layers, {} residual channels, {} neurons a layer, heads of {}, vocabulary {}, context {}. {} nonzero weights, \
         and {bigram} entries of a bigram table. {:.0} KB.\n\n",
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
            "Trained on {:.1} million tokens{}, {:.0} % of them synthetic Python and the others real; held-out cross entropy {loss:.3} nats a \
             token (real {:.3}, synthetic {:.3}), before the file was made compact. Configs, seeds and losses stand in the file's metadata.\n\n",
            tokens / 1e6,
            if runs.len() > 1 { format!(" in {} runs, one after the other", runs.len()) } else { String::new() },
            100.0 * synthetic / tokens,
            provenance["held_out_loss"]["real"].as_f64().unwrap_or(f64::NAN),
            provenance["held_out_loss"]["synthetic"].as_f64().unwrap_or(f64::NAN),
        );
    }
    text += "Loss (nats, two candidates) and accuracy on test pairs; circuits calibrated on train pairs.\n\n\
             | task | whole model | nodes | edges | circuit alone | circuit removed | flip reverses, circuit | full |\n\
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
    text += &format!("\nGeometric mean of the edges: {:.1}.\n", (logs / tasks.len() as f64).exp());
    text += "\nOn the hand-written prompts, loss and accuracy:\n\n| task | prompts | whole model | circuit alone | circuit removed |\n\
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
    let redundant: Vec<&str> = tasks.iter().filter(|one| one.report.is_redundant()).map(|one| one.task.name).collect();
    if !redundant.is_empty() {
        text += &format!(
            "\nSufficient is not necessary: without its circuit the model still does {}: other nodes do the same work.\n",
            redundant.join(", "),
        );
    }
    for (task, measured) in missing {
        text += &format!(
            "\nNot published, because this model has no circuit for it: {} (the whole model: {}).\n",
            task.name,
            loss_and_accuracy(measured)
        );
    }
    text
}

/// What the same search found on an untrained model of the same shape: the reports in `folder`.
///
/// # Errors
/// Reports that are missing or none.
pub fn untrained_baselines(folder: &Path, tasks: &[PublishedTask]) -> Result<String> {
    let mut text = "\n## The same search on an untrained model of the same shape\n\n| task | edges | loss |\n| --- | --- | --- |\n".to_string();
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
