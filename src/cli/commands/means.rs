//! `sparse-circuits means`: measures the mean of every node over a corpus and writes it into a model file.

use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::circuit::MeanAccumulator;
use crate::cli::shared::load::{TokenizerArgs, load_model};
use crate::cli::shared::output::{note, write_out};
use crate::files::{io_error, read};
use crate::format::{Precision, model_file};
use crate::model::{Config, Model};
use crate::tokenizer::Tokenizer;
use crate::train::batches::read_tokens;
use crate::{Result, bail};
use rayon::prelude::*;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Measure the mean of every channel at every hook over all tokens of a corpus, and write the model with these means.
#[derive(clap::Args)]
pub struct Args {
    /// A model file, or the folder of a published checkpoint.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// A folder that `sparse-circuits corpus` wrote (all its .bin files), one such .bin file, or text: a .py or .txt file, or a folder of them.
    #[arg(long, value_name = "PATH")]
    corpus: PathBuf,
    /// Store half-precision numbers and packed column indices: a much smaller file, but not bit for bit the same model.
    #[arg(long)]
    compact: bool,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// The model file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Tokens of a batch. The values at all hooks of a batch are in memory at once.
const BATCH: usize = 1024;
/// Batches between two lines of progress.
const ROUND: usize = 64;

pub fn run(args: Args) -> Result<()> {
    let mut file = load_model(&args.model)?;
    let config = &file.weights.config;
    let documents = match binaries(&args.corpus)? {
        paths if paths.is_empty() => texts(&args.corpus, &args.tokenizer.load(&args.model)?)?,
        paths => {
            let tokens =
                |path: &PathBuf| Ok(read_tokens(path, config.vocab_size)?.into_iter().map(u32::from).collect());
            paths.iter().map(tokens).collect::<Result<_>>()?
        }
    };
    let windows: Vec<&[u32]> = documents.iter().flat_map(|tokens| tokens.chunks(config.block_size)).collect();
    if windows.is_empty() {
        bail!("{} has no tokens, so the means cannot be measured", args.corpus.display());
    }
    let model = file.weights.upload(&mut Cpu::new());
    let sums = sum(&model, config, &windows)?;
    file.means = sums.means()?;
    if let Some(fields) = file.provenance.as_object_mut() {
        let corpus = args.corpus.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        fields.insert("means".into(), json!({"corpus": corpus, "tokens": sums.tokens()}));
    }
    let precision = if args.compact { Precision::Compact } else { Precision::Lossless };
    let line = format!("{}: means of {} hooks over {} tokens", args.out.display(), file.means.len(), sums.tokens());
    write_out(&args.out, &model_file::write(&file, precision)?, &line)
}

/// Uses all cores. Sums are added in the order of the windows, so the result does not depend on the number of cores.
fn sum(model: &Model<Cpu>, config: &Config, windows: &[&[u32]]) -> Result<MeanAccumulator> {
    let per_batch = (BATCH / config.block_size).max(1);
    let batches: Vec<&[&[u32]]> = windows.chunks(per_batch).collect();
    let mut sums = MeanAccumulator::new(config);
    for round in batches.chunks(ROUND) {
        let parts: Vec<Result<MeanAccumulator>> = round
            .par_iter()
            .map_init(Cpu::new, |cpu, batch| {
                let mut part = MeanAccumulator::new(config);
                now_or_never(part.add(cpu, model, batch))?;
                Ok(part)
            })
            .collect();
        for part in parts {
            sums.merge(part?);
        }
        if batches.len() > ROUND {
            let all: usize = windows.iter().map(|window| window.len()).sum();
            note(&format!("{} of {all} tokens", sums.tokens()));
        }
    }
    Ok(sums)
}

/// The token files of a corpus folder in the order of their names, or `path` itself if it is a token file; empty if
/// `path` is text.
fn binaries(path: &Path) -> Result<Vec<PathBuf>> {
    let is_binary = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "bin") && path.is_file();
    if !path.is_dir() {
        return Ok(Some(path.to_path_buf()).filter(is_binary).into_iter().collect());
    }
    let mut paths: Vec<PathBuf> = entries(path)?.into_iter().filter(is_binary).collect();
    paths.sort();
    Ok(paths)
}

/// The .py and .txt files of a folder and the folders in it, or the one file named, each followed by the end-of-text token.
fn texts(path: &Path, tokenizer: &Tokenizer) -> Result<Vec<Vec<u32>>> {
    let mut paths = Vec::new();
    if path.is_dir() {
        collect_texts(path, &mut paths)?;
        paths.sort();
    } else {
        paths.push(path.to_path_buf());
    }
    let document = |path: &PathBuf| -> Result<Vec<u32>> {
        let Ok(text) = String::from_utf8(read(path)?) else {
            bail!("{} is not UTF-8 text", path.display());
        };
        let mut ids = tokenizer.encode(&text);
        ids.extend(tokenizer.end_of_text());
        Ok(ids)
    };
    paths.iter().map(document).collect()
}

fn collect_texts(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for path in entries(folder)? {
        // Symbolic links are not followed: they may form a cycle.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect_texts(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "py" || extension == "txt") {
            paths.push(path);
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(io_error("read", folder))?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(io_error("read", folder))).collect()
}
