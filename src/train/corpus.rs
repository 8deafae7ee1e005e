//! Builds the corpus: real Python from pinned wheels, synthetic Python, a tokenizer trained on
//! both, and the token ids of both.
//!
//! Files written: `tokenizer.json`; `{real,synthetic}.{train,valid}.bin` (little-endian u16 token ids, each document followed by
//! `<|endoftext|>`); `corpus.json` (its provenance). The same packages and seeds give the same
//! bytes.

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{bpe, synthetic};
use crate::files::{self, io_error};
use crate::tasks::{self, TASKS};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, bail};

/// One package per line: `name version licence sha256`.
const PACKAGES: &str = include_str!("corpus_packages.txt");

/// Files outside these bounds are skipped: most are generated, data, or nearly empty.
const FILE_BYTES: std::ops::RangeInclusive<usize> = 200..=100_000;
/// Bytes.
const MAX_LINE: usize = 300;
/// Bytes.
const MAX_MEAN_LINE: usize = 60;

/// One of this many documents is held out.
const HELD_OUT: u64 = 50;

const SYNTHETIC_SEED: u64 = 0x5eed;

/// What to build.
pub struct Recipe {
    pub out: PathBuf,
    /// The folder of the wheels; missing ones are downloaded into it.
    pub packages: PathBuf,
    pub synthetic_bytes: usize,
    pub vocab: usize,
    /// The tokenizer to use; `None` trains one.
    pub tokenizer: Option<Tokenizer>,
    /// Bytes of each source that the tokenizer is trained on.
    pub sample_bytes: usize,
}

struct Package {
    name: &'static str,
    version: &'static str,
    licence: &'static str,
    sha256: &'static str,
}

fn packages() -> impl Iterator<Item = Package> {
    PACKAGES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut parts = line.split(' ');
        Some(Package { name: parts.next()?, version: parts.next()?, licence: parts.next()?, sha256: parts.next()? })
    })
}

/// Pairs of each task's validation and test splits that may not occur in the text.
const GUARDED_PAIRS: usize = 4096;

/// Finds prompts that must stay unseen: the tasks' held-out pairs and the hand-written ones.
struct Guard {
    prompts: Vec<String>,
    /// Over the last bytes of each prompt; a hit is then compared in full. Whole prompts would make a large automaton.
    ends: aho_corasick::AhoCorasick,
}

impl Guard {
    const END: usize = 24;

    fn new() -> Result<Self> {
        let mut prompts: HashSet<String> = HashSet::new();
        for task in TASKS {
            for split in [tasks::Split::Validation, tasks::Split::Test] {
                prompts.extend(task.pairs(split, GUARDED_PAIRS).into_iter().flat_map(|pair| [pair.a, pair.b]));
            }
            prompts.extend(task.handwritten().into_iter().map(|one| one.prompt));
        }
        let mut prompts: Vec<String> = prompts.into_iter().collect();
        prompts.sort_unstable();
        let ends = prompts.iter().map(|prompt| &prompt.as_bytes()[prompt.len().saturating_sub(Self::END)..]);
        let ends = aho_corasick::AhoCorasick::new(ends)
            .map_err(|error| Error::invalid(format!("too many prompts to guard: {error}")))?;
        Ok(Guard { prompts, ends })
    }

    fn finds(&self, text: &str) -> bool {
        self.ends
            .find_overlapping_iter(text)
            .any(|hit| text.as_bytes()[..hit.end()].ends_with(self.prompts[hit.pattern().as_usize()].as_bytes()))
    }

    /// Drops the documents that contain a guarded prompt.
    fn without_guarded(&self, documents: Vec<String>) -> Vec<String> {
        documents.into_par_iter().filter(|text| !self.finds(text)).collect()
    }
}

/// A tokenizer of the first documents of both sources.
fn train_tokenizer(recipe: &Recipe, real: &Split, synthetic: &Split) -> Result<Tokenizer> {
    let sample = |split: &Split| {
        let mut left = recipe.sample_bytes;
        let mut taken = Vec::new();
        for text in &split.train {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(text.len());
            taken.push(text.clone());
        }
        taken
    };
    let samples = [sample(real), sample(synthetic)].concat();
    bpe::train(samples.iter().map(String::as_str), recipe.vocab)
}

/// Builds the corpus. `report` gets one line per step.
pub fn build(recipe: &Recipe, report: &dyn Fn(&str)) -> Result<()> {
    files::create_folder(&recipe.out)?;
    fetch(&recipe.packages, report)?;
    let guard = Guard::new()?;
    let (real, synthetic) = (real_documents(&recipe.packages, report)?, synthetic_documents(recipe.synthetic_bytes));
    let before = [real.len(), synthetic.len()];
    let (real, synthetic) = (Split::new(guard.without_guarded(real)), Split::new(guard.without_guarded(synthetic)));
    let dropped = [before[0] - real.len(), before[1] - synthetic.len()];
    report(&format!(
        "documents: {} real, {} synthetic; {} and {} dropped, because they were copies or contained a held-out prompt",
        real.len(),
        synthetic.len(),
        dropped[0],
        dropped[1]
    ));

    let trained = match &recipe.tokenizer {
        Some(_) => None,
        None => Some(train_tokenizer(recipe, &real, &synthetic)?),
    };
    let tokenizer = recipe.tokenizer.as_ref().or(trained.as_ref()).expect("the tokenizer is given or trained");
    let json = tokenizer.to_json()?;
    files::write(&recipe.out.join("tokenizer.json"), json.as_bytes())?;
    report(if trained.is_some() { "tokenizer trained" } else { "tokenizer given" });

    let mut files = serde_json::Map::new();
    for (name, texts) in [
        ("real.valid", &real.valid),
        ("synthetic.valid", &synthetic.valid),
        ("synthetic.train", &synthetic.train),
        ("real.train", &real.train),
    ] {
        let (tokens, hash) = write_tokens(&recipe.out.join(format!("{name}.bin")), texts, tokenizer)?;
        let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
        report(&format!("{name}: {tokens} tokens, {:.3} characters per token", characters as f64 / tokens as f64));
        files.insert(
            format!("{name}.bin"),
            serde_json::json!({"documents": texts.len(), "characters": characters, "tokens": tokens, "sha256": hash}),
        );
    }
    let provenance = serde_json::json!({
        "format": "little-endian u16 token ids, each document followed by <|endoftext|>",
        "vocab_size": tokenizer.vocab_size(),
        "tokenizer_sha256": hex(&Sha256::digest(json.as_bytes())),
        "synthetic_seed": SYNTHETIC_SEED,
        "held_out": format!("documents whose SHA-256, as a big-endian number of its first 8 bytes, is a multiple of {HELD_OUT}"),
        "dropped_for_a_held_out_prompt": {"real": dropped[0], "synthetic": dropped[1]},
        "files": files,
        "packages": packages().map(|p| serde_json::json!({"name": p.name, "version": p.version, "licence": p.licence, "sha256": p.sha256}))
            .collect::<Vec<_>>(),
    });
    files::write(&recipe.out.join("corpus.json"), format!("{provenance:#}\n").as_bytes())
}

/// Documents in an order that depends on their content only, split into training and held-out text by the same hash.
struct Split {
    train: Vec<String>,
    valid: Vec<String>,
}

impl Split {
    fn new(documents: Vec<String>) -> Self {
        let mut keyed: Vec<(u64, String)> = documents
            .into_par_iter()
            .map(|text| {
                let digest = Sha256::digest(text.as_bytes());
                (u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes")), text)
            })
            .collect();
        keyed.sort();
        keyed.dedup();
        let (valid, train): (Vec<_>, Vec<_>) = keyed.into_iter().partition(|(hash, _)| hash % HELD_OUT == 0);
        let texts = |keyed: Vec<(u64, String)>| keyed.into_iter().map(|(_, text)| text).collect();
        Split { train: texts(train), valid: texts(valid) }
    }

    fn len(&self) -> usize {
        self.train.len() + self.valid.len()
    }
}

/// Downloads the wheels that are not there yet with pip, then checks every hash.
fn fetch(folder: &Path, report: &dyn Fn(&str)) -> Result<()> {
    files::create_folder(folder)?;
    let missing: Vec<String> =
        packages().filter(|p| wheel(folder, p).is_none()).map(|p| format!("{}=={}", p.name, p.version)).collect();
    if !missing.is_empty() {
        report(&format!("downloading {} packages", missing.len()));
        // Pure-Python wheels of one Python version, whatever this machine is: the same files everywhere.
        let status = Command::new("python3")
            .args([
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--python-version",
                "3.11",
            ])
            .args(["--implementation", "py", "--abi", "none", "--platform", "any", "--dest"])
            .arg(folder)
            .args(&missing)
            .status()
            .map_err(|error| {
                Error::invalid(format!("cannot run python3 -m pip, which downloads the packages: {error}"))
            })?;
        if !status.success() {
            bail!("pip could not download the packages; its message is above");
        }
    }
    for package in packages() {
        let Some(path) = wheel(folder, &package) else {
            bail!("the wheel of {} {} is not in {}", package.name, package.version, folder.display());
        };
        let bytes = files::read(&path)?;
        if hex(&Sha256::digest(&bytes)) != package.sha256 {
            bail!("{} is not the pinned file; remove it and run this again", path.display());
        }
    }
    Ok(())
}

/// `name-version-*.whl`.
fn wheel(folder: &Path, package: &Package) -> Option<PathBuf> {
    let start = format!("{}-{}-", package.name, package.version);
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&start) && name.ends_with(".whl")
    })
}

/// The .py files of all wheels that look hand-written, each once.
fn real_documents(folder: &Path, report: &dyn Fn(&str)) -> Result<Vec<String>> {
    let all: Vec<Package> = packages().collect();
    let found: Vec<Vec<String>> = all
        .par_iter()
        .map(|package| {
            let path = wheel(folder, package).ok_or_else(|| Error::invalid(format!("no wheel of {}", package.name)))?;
            let file = std::fs::File::open(&path).map_err(io_error("open", &path))?;
            let broken = |error: zip::result::ZipError| {
                Error::invalid(format!("{} is not a valid wheel: {error}", path.display()))
            };
            let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file)).map_err(broken)?;
            let mut texts = Vec::new();
            for index in 0..archive.len() {
                let entry = archive.by_index(index).map_err(broken)?;
                if !entry.name().is_ok_and(|name| name.ends_with(".py"))
                    || !FILE_BYTES.contains(&(entry.size() as usize))
                {
                    continue;
                }
                // Do not trust the size in the archive: read no more than the limit.
                let mut bytes = Vec::new();
                let max = *FILE_BYTES.end() as u64 + 1;
                entry.take(max).read_to_end(&mut bytes).map_err(io_error("read", &path))?;
                if let Ok(text) = String::from_utf8(bytes)
                    && looks_handwritten(&text)
                {
                    texts.push(text.replace("\r\n", "\n"));
                }
            }
            Ok(texts)
        })
        .collect::<Result<_>>()?;
    let before: usize = found.iter().map(Vec::len).sum();
    let mut seen = HashSet::new();
    let texts: Vec<String> =
        found.into_iter().flatten().filter(|text| seen.insert(Sha256::digest(text.as_bytes()))).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    report(&format!("{} of {before} files kept after removing copies, {:.1} MB", texts.len(), bytes as f64 / 1e6));
    Ok(texts)
}

/// Whether a text looks hand-written: no very long line, a short mean line, few non-ASCII bytes,
/// few digits (tables of data).
fn looks_handwritten(text: &str) -> bool {
    let lines = text.lines().count().max(1);
    let count = |test: fn(u8) -> bool| text.bytes().filter(|&b| test(b)).count();
    FILE_BYTES.contains(&text.len())
        && text.lines().all(|line| line.len() <= MAX_LINE)
        && text.len() / lines <= MAX_MEAN_LINE
        && count(|b| b >= 128) * 100 <= text.len()
        && count(|b| b.is_ascii_digit()) * 100 <= text.len() * 12
        && !text.contains('\0')
}

/// The first documents of the synthetic stream, `bytes` in total.
fn synthetic_documents(bytes: usize) -> Vec<String> {
    let mut texts = Vec::new();
    let (mut total, mut next) = (0, 0u64);
    while total < bytes {
        let batch: Vec<String> =
            (next..next + 8192).into_par_iter().map(|index| synthetic::document(SYNTHETIC_SEED, index)).collect();
        next += 8192;
        for text in batch.into_iter().filter(|text| !text.is_empty()) {
            if total >= bytes {
                break;
            }
            total += text.len();
            texts.push(text);
        }
    }
    texts
}

/// Writes the token ids of all texts, `<|endoftext|>` after each. Returns the number of tokens and
/// the SHA-256 of the file.
fn write_tokens(path: &Path, texts: &[String], tokenizer: &Tokenizer) -> Result<(usize, String)> {
    let Some(end) = tokenizer.end_of_text() else { bail!("the tokenizer has no end-of-text token") };
    let (mut tokens, mut hash) = (0, Sha256::new());
    files::write_with(path, |out| {
        for chunk in texts.chunks(512) {
            let parts: Vec<Vec<u8>> = chunk
                .par_iter()
                .map(|text| {
                    let ids = tokenizer.encode(text);
                    ids.into_iter().chain([end]).flat_map(|id| (id as u16).to_le_bytes()).collect()
                })
                .collect();
            for part in parts {
                tokens += part.len() / 2;
                hash.update(&part);
                out.write_all(&part)?;
            }
        }
        Ok(())
    })?;
    Ok((tokens, hex(&hash.finalize())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
