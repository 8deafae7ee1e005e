//! The dense twin that `publish` adds to a model. It makes the dense model and the bridge compact, chooses a
//! channel for each task, and measures the published files.

use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::bridge::ModelPair;
use crate::bridge::score::{CHOOSING_PAIRS, ChannelScore, ChosenChannel, MIN_DELTA_P, SteerScore, choose_channel};
use crate::circuit::Circuit;
use crate::cli::shared::bridge::{BridgeArgs, BridgeReport, BridgeRequest, Loaded, measure, site_scores};
use crate::cli::shared::load::load_model;
use crate::cli::shared::output::note;
use crate::cli::shared::task_prompts::pairs;
use crate::files::{in_file, read};
use crate::format::model_file::fingerprint;
use crate::format::{BridgeFile, ModelFile, Precision, bridge_file, model_file};
use crate::model::Node;
use crate::tasks::{Split, Task};
use crate::tokenizer::Tokenizer;
use crate::train::batches::Corpus;
use crate::train::bridge::SiteScore;
use crate::train::{held_out_loss, reference_windows};
use crate::{Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The files of a dense twin.
#[derive(clap::Args)]
pub struct TwinArgs {
    /// A dense model, for the page's dense twin.
    #[arg(long, value_name = "FILE", requires = "bridge")]
    dense: Option<PathBuf>,
    /// The bridge between the sparse model and --dense.
    #[arg(long, value_name = "FILE", requires = "dense")]
    bridge: Option<PathBuf>,
    /// The sparse model of the twin, if it is not --model. It is published as a second model.
    #[arg(long, value_name = "FILE", requires = "bridge", requires = "twin_circuits")]
    pub twin_model: Option<PathBuf>,
    /// Folder with a circuit file `TASK.json` for each task of --twin-model.
    #[arg(long, value_name = "DIR", requires = "twin_model")]
    pub twin_circuits: Option<PathBuf>,
    /// The sparse model that the bridge was trained with, if the published one is its compact form.
    #[arg(long, value_name = "FILE", requires = "bridge")]
    bridged: Option<PathBuf>,
    /// The corpus whose held-out part is used to measure both models and the sites of the bridge. Without it, the
    /// card has the losses from the files and no table of sites.
    #[arg(long, value_name = "DIR", requires = "bridge")]
    corpus: Option<PathBuf>,
    /// A sparse model trained without a bridge, for a comparison in the card. Needs --fitted.
    #[arg(long, value_name = "FILE", requires = "corpus", requires = "fitted")]
    independent: Option<PathBuf>,
    /// A bridge fitted between --independent and --dense, both frozen.
    #[arg(long, value_name = "FILE", requires = "independent")]
    fitted: Option<PathBuf>,
}

/// The most test pairs that steering is measured on, and the number of random directions per prompt.
const STEERED_PAIRS: usize = 256;
const DIRECTIONS: usize = 16;

/// The files and the text of a published twin.
pub struct Twin {
    pub dense_bytes: Vec<u8>,
    pub bridge_bytes: Vec<u8>,
    /// The last section of the model card.
    pub card: String,
}

pub const DENSE: &str = "dense.safetensors";
pub const BRIDGE: &str = "bridge.safetensors";

impl Twin {
    /// `models[].twin` of the manifest.
    pub fn manifest(&self) -> Value {
        json!({
            "dense": DENSE, "denseBytes": self.dense_bytes.len(), "bridge": BRIDGE, "bridgeBytes": self.bridge_bytes.len(),
        })
    }
}

/// The channel chosen for a task.
struct Best {
    task: &'static Task,
    channel: ChosenChannel,
}

impl TwinArgs {
    /// Loads the twin of the arguments and prepares it for publication with `sparse`; `None` without `--dense`.
    /// Measures on at most `pairs` test pairs.
    ///
    /// # Errors
    /// Files that cannot be read or do not belong together.
    pub fn build(
        &self,
        sparse: &ModelFile,
        circuits: &[(&'static Task, &Circuit)],
        tokenizer: &Tokenizer,
        pairs: usize,
    ) -> Result<Option<Twin>> {
        let (Some(dense_path), Some(bridge_path)) = (&self.dense, &self.bridge) else { return Ok(None) };
        let dense = load_model(dense_path)?;
        let mut file = bridge_file::read(&read(bridge_path)?).map_err(in_file(bridge_path))?;
        self.check(&file, sparse, &dense).map_err(in_file(bridge_path))?;

        // measure the published files from here on: half precision makes a slightly different model
        let dense_bytes = model_file::write(&dense, Precision::Compact)?;
        let dense = model_file::read(&dense_bytes)?;
        file.models = [fingerprint(&sparse.weights), fingerprint(&dense.weights)];
        let file = bridge_file::read(&bridge_file::write(&file, Precision::Compact)?)?;
        let mut cpu = Cpu::new();
        let [sparse_model, dense_model] = [sparse, &dense].map(|file| file.weights.upload(&mut cpu));
        let mut loaded = Loaded { cpu, sparse: sparse_model, dense: dense_model, file };

        let mut best = Vec::new();
        for (task, circuit) in circuits {
            best.extend(best_channel(&mut loaded, task, circuit, tokenizer)?);
        }
        loaded.file.bridge.channels = best
            .iter()
            .filter(|best| best.channel.steers())
            .map(|best| (best.task.name.to_string(), best.channel.node))
            .collect();
        if loaded.file.bridge.channels.is_empty() {
            note(&format!(
                "note: no channel raises P(other) of the dense model by {MIN_DELTA_P}; the bridge file names no channel"
            ));
        }
        let bridge_bytes = bridge_file::write(&loaded.file, Precision::Compact)?;
        // the same check that a reader of the published file makes
        bridge_file::read(&bridge_bytes)?.check(&sparse.weights, &dense.weights)?;

        let request = BridgeRequest {
            tokenizer,
            corpus: self.corpus.as_deref(),
            channels: best.iter().map(|best| (best.task, best.channel.node)).collect(),
            split: Split::Test,
            pairs: pairs.min(STEERED_PAIRS),
            directions: DIRECTIONS,
        };
        let report = match best.is_empty() && self.corpus.is_none() {
            true => None,
            false => Some(measure(&mut loaded, &request)?),
        };
        let others = self.others(dense_path, &mut loaded)?;
        let losses = self.losses(&loaded, sparse, &dense)?;
        let bytes = dense_bytes.len() + bridge_bytes.len();
        let card = card(&loaded, &losses, bytes, &best, report.as_ref(), &others);
        Ok(Some(Twin { dense_bytes, bridge_bytes, card }))
    }

    /// Checks that the bridge belongs to the two models. The sparse model may be the trained one or its compact form.
    fn check(&self, file: &BridgeFile, sparse: &ModelFile, dense: &ModelFile) -> Result<()> {
        let Some(path) = &self.bridged else { return file.check(&sparse.weights, &dense.weights) };
        let trained = load_model(path)?;
        file.check(&trained.weights, &dense.weights)?;
        let compact = model_file::read(&model_file::write(&trained, Precision::Compact)?)?;
        if fingerprint(&compact.weights) != fingerprint(&sparse.weights) {
            bail!(
                "the sparse model of the twin is not the compact form of {}, which the bridge was trained with",
                path.display()
            );
        }
        Ok(())
    }

    /// Site scores of two other bridges, with their titles in the card: one fitted after training, and the
    /// published one with shuffled weights.
    fn others(&self, dense: &Path, loaded: &mut Loaded) -> Result<Vec<(&'static str, Vec<SiteScore>)>> {
        let (Some(independent), Some(fitted), Some(corpus)) = (&self.independent, &self.fitted, &self.corpus) else {
            return Ok(Vec::new());
        };
        let independent = load_model(independent)?;
        let mut fitted = BridgeArgs { dense: dense.into(), bridge: fitted.clone() }.load(&independent)?;
        let random = loaded.file.bridge.shuffled(0);
        let trained = std::mem::replace(&mut loaded.file.bridge, random);
        let random = site_scores(loaded, corpus);
        loaded.file.bridge = trained;
        Ok(vec![
            (
                "A bridge fitted after training, between the same dense model and a sparse model that was trained without it",
                site_scores(&mut fitted, corpus)?,
            ),
            ("The published bridge with the weights of each map shuffled", random?),
        ])
    }

    /// Held-out cross entropies of the sparse and the dense model in nats per token, and how they were measured.
    fn losses(&self, loaded: &Loaded, sparse: &ModelFile, dense: &ModelFile) -> Result<Losses> {
        let Some(folder) = &self.corpus else {
            let stated = |file: &ModelFile| file.provenance["held_out_loss"]["mean"].as_f64();
            return Ok(Losses {
                of: [stated(sparse), stated(dense)],
                on: "measured before the files were made compact",
            });
        };
        let context = loaded.sparse.config.block_size.min(loaded.dense.config.block_size);
        let corpus = Corpus::read(folder, "valid", loaded.sparse.config.vocab_size, context)?;
        let windows = reference_windows(&corpus, context);
        let of = [&loaded.sparse, &loaded.dense].map(|model| Some(held_out_loss(model, &windows)));
        Ok(Losses { of, on: "measured with the published files, on fewer windows than after training" })
    }
}

struct Losses {
    of: [Option<f64>; 2],
    on: &'static str,
}

/// The read of the circuit that raises P(other) of the dense model most on train pairs; `None` if the circuit has
/// no reads.
fn best_channel(
    loaded: &mut Loaded,
    task: &'static Task,
    circuit: &Circuit,
    tokenizer: &Tokenizer,
) -> Result<Option<Best>> {
    let Loaded { cpu, sparse, dense, file } = loaded;
    let train = pairs(task, Split::Train, CHOOSING_PAIRS, tokenizer, sparse.config.vocab_size)?;
    let nodes: Vec<Node> = circuit.nodes.iter().copied().collect();
    let models = ModelPair { sparse, dense, bridge: &file.bridge };
    let chosen = now_or_never(choose_channel(cpu, models, &nodes, &train, circuit.candidate_ids))?;
    Ok(chosen.map(|channel| {
        let ChosenChannel { node, delta_p } = channel;
        note(&format!("{}: {node} raises P(other) of the dense model by {delta_p:.4} on train pairs", task.name));
        Best { task, channel }
    }))
}

/// The card's section about the twin. Every number comes from the files or from the measurement that just ran.
fn card(
    loaded: &Loaded,
    losses: &Losses,
    bytes: usize,
    best: &[Best],
    report: Option<&BridgeReport>,
    others: &[(&str, Vec<SiteScore>)],
) -> String {
    let dense = &loaded.dense.config;
    let mut text = format!(
        "\n## The dense twin\n\n`{DENSE}`: a dense model with {} layers and {} channels. `{BRIDGE}`: maps between the residual streams \
         of the two models at {} boundaries; each encoder keeps {} channels. Together {:.0} KB, loaded when the twin is opened.\n",
        dense.n_layer,
        dense.d_model,
        loaded.file.bridge.sites.len(),
        loaded.file.bridge.kept,
        bytes as f64 / 1000.0,
    );
    if let [Some(sparse), Some(dense)] = losses.of {
        text += &format!(
            "\nHeld-out cross entropy in nats per token, {}: sparse {sparse:.3}, dense {dense:.3}.\n",
            losses.on
        );
    }
    let sites = report.map_or(&[][..], |report| &report.sites);
    if !sites.is_empty() {
        text += "\nFor each site, on held-out windows: NMSE is the squared error of a map divided by the variance of its target. \
                 KL is KL(dense model || hybrid pass) in nats per token, for a hybrid pass that switches models at this site.\n";
        text += &site_table("The published bridge", sites);
    }
    others.iter().for_each(|(title, sites)| text += &site_table(title, sites));
    let Some(report) = report else { return text };
    text += &format!(
        "\nSteering takes the change of one channel that the sparse circuit reads, from a prompt to its counterfactual, \
         maps it over the bridge, and adds it to what the dense model reads. For each task the channel is the read of the circuit that raises \
         P(other candidate) most: the largest median increase over both directions of {CHOOSING_PAIRS} train pairs. The page names the channel if this \
         increase is at least {MIN_DELTA_P}. The table is measured on test pairs at full strength: the median P(other) before \
         and after, the share of prompts where it is at least 0.5 afterwards, the median increase, and the 95th percentile of the increase under \
         {DIRECTIONS} random directions of equal norm per prompt.\n\n\
         | task | channel | named | direction | prompts | before | after | at least 0.5 | increase | random increase |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for (best, (task, node, ChannelScore { forth, back, .. })) in best.iter().zip(&report.steering) {
        let named = if best.channel.steers() { "yes" } else { "no" };
        for (from, score) in [(0, forth), (1, back)] {
            let SteerScore { prompts, before, after, delta_p, random_delta_p, reversed } = score;
            text += &format!(
                "| {} | {node} | {named} | `{}` to `{}` | {prompts} | {before:.4} | {after:.4} | {:.1} % | {delta_p:.4} | {random_delta_p:.4} |\n",
                task.name,
                shown(task.candidates[from]),
                shown(task.candidates[1 - from]),
                100.0 * reversed,
            );
        }
    }
    text
}

fn site_table(title: &str, sites: &[SiteScore]) -> String {
    let mut text = format!(
        "\n{title}:\n\n| site | NMSE encoder | NMSE decoder | KL, ends sparse | KL, ends dense |\n| --- | --- | --- | --- | --- |\n"
    );
    for (boundary, site) in sites.iter().enumerate() {
        let SiteScore { nmse_encoder, nmse_decoder, kl_sparse, kl_dense, .. } = site;
        text += &format!("| {boundary} | {nmse_encoder:.3} | {nmse_decoder:.3} | {kl_sparse:.3} | {kl_dense:.3} |\n");
    }
    text
}

/// A candidate in a table's cell.
fn shown(candidate: &str) -> String {
    candidate.replace('\n', "\\n").replace('\t', "\\t").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_stay_in_their_cells() {
        assert_eq!(shown("')"), "')");
        assert_eq!(shown("|\n\t"), "\\|\\n\\t");
    }
}
