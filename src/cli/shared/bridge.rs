//! What the commands about bridges share: the dense model and the bridge, loaded and checked; and what `evaluate` says of a bridge.

use super::load::load_model;
use super::output::{print, print_json};
use super::task_prompts::{find_task, pairs};
use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::bridge::score::{ChannelScore, channel_score};
use crate::bridge::{DeviceBridge, ModelPair};
use crate::files::{in_file, read};
use crate::format::{BridgeFile, ModelFile, bridge_file};
use crate::model::{Model, Node};
use crate::tasks::{Split, Task};
use crate::tokenizer::Tokenizer;
use crate::train::batches::Corpus;
use crate::train::bridge::{SiteScore, scores};
use crate::train::reference_windows;
use crate::{Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The dense side of a bridge.
#[derive(clap::Args)]
pub struct BridgeArgs {
    /// The dense model file.
    #[arg(long, value_name = "FILE")]
    pub dense: PathBuf,
    /// The bridge file between the two models.
    #[arg(long, value_name = "FILE")]
    pub bridge: PathBuf,
}

/// Two models and the bridge between them, ready to run.
pub struct Loaded {
    pub cpu: Cpu,
    pub sparse: Model<Cpu>,
    pub dense: Model<Cpu>,
    pub file: BridgeFile,
}

impl BridgeArgs {
    /// # Errors
    /// Files that cannot be read or do not belong together.
    pub fn load(&self, sparse: &ModelFile) -> Result<Loaded> {
        let dense = load_model(&self.dense)?;
        let file = bridge_file::read(&read(&self.bridge)?).map_err(in_file(&self.bridge))?;
        file.check(&sparse.weights, &dense.weights).map_err(in_file(&self.bridge))?;
        let mut cpu = Cpu::new();
        let [sparse, dense] = [sparse, &dense].map(|file| file.weights.upload(&mut cpu));
        Ok(Loaded { cpu, sparse, dense, file })
    }
}

/// What is measured of a bridge.
pub struct BridgeAsk<'a> {
    pub tokenizer: &'a Tokenizer,
    /// A corpus whose held-out part the sites are measured on.
    pub corpus: Option<&'a Path>,
    /// Channels to steer by, with their tasks; else those that the bridge names.
    pub channels: Vec<(&'static Task, Node)>,
    pub split: Split,
    pub pairs: usize,
    /// Random directions a prompt.
    pub directions: usize,
}

/// A bridge's report.
pub struct BridgeReport {
    pub sites: Vec<SiteScore>,
    pub steering: Vec<(&'static Task, Node, ChannelScore)>,
}

impl BridgeReport {
    pub fn json(&self) -> Value {
        let steering = self
            .steering
            .iter()
            .map(|(task, node, score)| (task.name.to_string(), json!({"node": node, "score": score})));
        json!({"sites": self.sites, "steering": serde_json::Map::from_iter(steering)})
    }
}

/// # Errors
/// A corpus that cannot be read, channels that cannot steer.
pub fn measure(loaded: &mut Loaded, ask: &BridgeAsk<'_>) -> Result<BridgeReport> {
    let sites = ask.corpus.map_or(Ok(Vec::new()), |folder| site_scores(loaded, folder))?;
    let Loaded { cpu, sparse, dense, file } = loaded;
    let named: Vec<(&'static Task, Node)> = match ask.channels.is_empty() {
        true => file.bridge.channels.iter().map(|(task, &node)| Ok((find_task(task)?, node))).collect::<Result<_>>()?,
        false => ask.channels.clone(),
    };
    let mut steering = Vec::new();
    for (task, node) in named {
        let models = ModelPair { sparse, dense, bridge: &file.bridge };
        let pairs = models.cut(pairs(task, ask.split, ask.pairs, ask.tokenizer, sparse.config.vocab_size)?);
        let candidates = task.candidate_tokens(ask.tokenizer)?;
        let score = now_or_never(channel_score(cpu, models, node, &pairs, candidates, ask.directions))?;
        steering.push((task, node, score));
    }
    if sites.is_empty() && steering.is_empty() {
        bail!("there is nothing to measure: the bridge names no channel; say --node and --task, or --corpus");
    }
    Ok(BridgeReport { sites, steering })
}

/// Every site's score on the held-out part of the corpus in `folder`.
///
/// # Errors
/// A corpus that cannot be read.
pub fn site_scores(loaded: &mut Loaded, folder: &Path) -> Result<Vec<SiteScore>> {
    let Loaded { cpu, sparse, dense, file } = loaded;
    let context = sparse.config.block_size.min(dense.config.block_size);
    let windows = reference_windows(&Corpus::read(folder, "valid", sparse.config.vocab_size, context)?, context);
    Ok(scores(sparse, dense, &DeviceBridge::new(cpu, &file.bridge), &windows))
}

pub fn print_report(report: &BridgeReport, as_json: bool) -> Result<()> {
    if as_json {
        return print_json(&report.json());
    }
    let mut text = String::new();
    for (boundary, site) in report.sites.iter().enumerate() {
        text += &format!(
            "site {boundary}: NMSE {:.3} (encoder), {:.3} (decoder); KL {:.3} (ends sparse), {:.3} (ends dense)\n",
            site.nmse_encoder, site.nmse_decoder, site.kl_sparse, site.kl_dense
        );
    }
    for (task, node, score) in &report.steering {
        text += &format!("{}, {node}:\n", task.name);
        for (way, candidates, score) in [
            ("forth", [task.candidates[0], task.candidates[1]], score.forth),
            ("back", [task.candidates[1], task.candidates[0]], score.back),
        ] {
            text += &format!(
                "  {way}, {:?} to {:?}: median P(other) {:.4} -> {:.4}, {:.1} % at 0.5 or more; median rise {:.4}, 95th percentile of random directions {:.4}\n",
                candidates[0],
                candidates[1],
                score.before,
                score.after,
                100.0 * score.reversed,
                score.delta_p,
                score.random_delta_p
            );
        }
    }
    print(&text)
}
