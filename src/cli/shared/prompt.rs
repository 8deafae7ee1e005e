//! Prompts of the command line as tokens that the model can read.

use super::output::note;
use crate::model::Config;
use crate::tokenizer::{END_OF_TEXT, Tokenizer};
use crate::{Result, bail};

/// The tokens of a text. An empty text becomes `<|endoftext|>`, the start of a document. A text longer than the context loses its
/// first tokens. A note on standard error reports both.
///
/// # Errors
/// An empty text where the tokenizer has no `<|endoftext|>`.
pub fn encode(tokenizer: &Tokenizer, config: &Config, what: &str, text: &str) -> Result<Vec<u32>> {
    if !text.is_empty() {
        return Ok(fit(config, what, tokenizer.encode(text)));
    }
    match tokenizer.end_of_text() {
        Some(end) => {
            note(&format!("note: {what} is empty; the model reads {END_OF_TEXT}, the start of a document"));
            Ok(vec![end])
        }
        None => bail!("{what} is empty, and the tokenizer has no {END_OF_TEXT} to start from"),
    }
}

/// The last tokens, as many as the model can read.
pub fn fit(config: &Config, what: &str, mut tokens: Vec<u32>) -> Vec<u32> {
    let cut = tokens.len().saturating_sub(config.block_size);
    if cut > 0 {
        note(&format!(
            "note: {what} has {} tokens, and the model reads {}: the first {cut} are dropped",
            tokens.len(),
            config.block_size
        ));
    }
    tokens.split_off(cut)
}
