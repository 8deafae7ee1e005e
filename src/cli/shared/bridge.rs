//! Shared by the commands that use bridges: loads and checks the dense model and the bridge, and measures a bridge
//! for `evaluate` and `publish`.

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

/// What to measure of a bridge, and on which data.
pub struct BridgeRequest<'a> {
    pub tokenizer: &'a Tokenizer,
    /// A corpus whose held-out part the sites are measured on.
    pub corpus: Option<&'a Path>,
    /// The channels to steer along, with their tasks. If empty, those that the bridge names.
    pub channels: Vec<(&'static Task, Node)>,
    pub split: Split,
    pub pairs: usize,
    /// Random directions per prompt.
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
pub fn measure(loaded: &mut Loaded, request: &BridgeRequest<'_>) -> Result<BridgeReport> {
    let sites = request.corpus.map_or(Ok(Vec::new()), |folder| site_scores(loaded, folder))?;
    let Loaded { cpu, sparse, dense, file } = loaded;
    let named: Vec<(&'static Task, Node)> = match request.channels.is_empty() {
        true => file.bridge.channels.iter().map(|(task, &node)| Ok((find_task(task)?, node))).collect::<Result<_>>()?,
        false => request.channels.clone(),
    };
    let mut steering = Vec::new();
    for (task, node) in named {
        let models = ModelPair { sparse, dense, bridge: &file.bridge };
        let pairs = models.cut(pairs(task, request.split, request.pairs, request.tokenizer, sparse.config.vocab_size)?);
        if task.has_own_candidates() {
            bail!(
                "steering is measured for tasks with the same two candidates after all prompts; {} has others",
                task.name
            );
        }
        let candidates = task.candidate_tokens(request.tokenizer)?;
        let score = now_or_never(channel_score(cpu, models, node, &pairs, candidates, request.directions))?;
        steering.push((task, node, score));
    }
    if sites.is_empty() && steering.is_empty() {
        bail!("there is nothing to measure: the bridge file names no channel; give --node and --task, or --corpus");
    }
    Ok(BridgeReport { sites, steering })
}

/// The score of every site on the held-out part of the corpus in `folder`.
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
        for (from, score) in [(0, &score.forth), (1, &score.back)] {
            text += &format!(
                "  {:?} to {:?}: median P(other) {:.4} -> {:.4}, at least 0.5 in {:.1} %; median increase {:.4}; \
                 95th percentile of the increase under random directions {:.4}\n",
                task.candidates[from],
                task.candidates[1 - from],
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
