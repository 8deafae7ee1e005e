//! Text and token lists of the command line to what a model can read.

use super::files;
use crate::model::Config;
use crate::tokenizer::{END_OF_TEXT, Tokenizer};
use crate::{Result, bail};
use std::path::{Path, PathBuf};

/// The tokenizer of a model.
#[derive(clap::Args)]
pub struct TokenizerArgs {
    /// The tokenizer.json to use; by default the one beside the model.
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
}

impl TokenizerArgs {
    /// # Errors
    /// Says where it looked when there is none.
    pub fn load(&self, model: &Path) -> Result<Tokenizer> {
        let folder = if model.is_dir() { model } else { model.parent().unwrap_or(Path::new("")) };
        let path = match &self.tokenizer {
            Some(path) => path.clone(),
            None => folder.join("tokenizer.json"),
        };
        if self.tokenizer.is_none() && !path.is_file() {
            let (encoder, merges) = (folder.join("encoder.json"), folder.join("vocab.bpe"));
            if encoder.is_file() && merges.is_file() {
                let tokenizer = Tokenizer::from_encoder_and_merges(&files::read(&encoder)?, &files::read(&merges)?);
                return tokenizer.map_err(files::in_file(folder));
            }
            bail!("there is no tokenizer beside the model ({}); name one with --tokenizer FILE", path.display());
        }
        Tokenizer::from_json(&files::read(&path)?).map_err(files::in_file(&path))
    }
}

/// The tokens of a text. An empty one is the start of a document, `<|endoftext|>`; what is beyond the context is cut off on the left. Both are
/// said on stderr.
///
/// # Errors
/// An empty text where the tokenizer has no `<|endoftext|>`.
pub fn encode(tokenizer: &Tokenizer, config: &Config, what: &str, text: &str) -> Result<Vec<u32>> {
    if !text.is_empty() {
        return Ok(fit(config, what, tokenizer.encode(text)));
    }
    match tokenizer.end_of_text() {
        Some(end) => {
            eprintln!("note: {what} is empty; the model reads {END_OF_TEXT}, the start of a document");
            Ok(vec![end])
        }
        None => bail!("{what} is empty, and the tokenizer has no {END_OF_TEXT} to start from"),
    }
}

/// The last tokens that the model can read.
pub fn fit(config: &Config, what: &str, mut tokens: Vec<u32>) -> Vec<u32> {
    let cut = tokens.len().saturating_sub(config.block_size);
    if cut > 0 {
        eprintln!(
            "note: {what} has {} tokens, and the model reads {}: the first {cut} are cut off",
            tokens.len(),
            config.block_size
        );
    }
    tokens.split_off(cut)
}
