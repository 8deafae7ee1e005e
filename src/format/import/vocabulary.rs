//! The text of each token in a `tokenizer.json`, for code that shows tokens but does not tokenize.

use crate::{Result, bail};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
}

/// No vocabulary has more tokens.
const MAX_TOKENS: usize = 1 << 20;

/// The text of each token, by id. Tokens are written in GPT-2's byte alphabet; a part of a multi-byte character becomes U+FFFD.
///
/// # Errors
/// A file that is not a byte-level `tokenizer.json`, or ids beyond 2^20.
pub fn read(json: &[u8]) -> Result<Vec<String>> {
    let Ok(text) = str::from_utf8(json) else { bail!("this is not a tokenizer.json: it is not text") };
    let file: File = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => bail!("this is not a tokenizer.json that can be read: {error}"),
    };
    let bytes = byte_alphabet();
    let mut texts = Vec::new();
    let mut put = |id: u32, text: String| {
        if id as usize >= MAX_TOKENS {
            bail!("tokenizer.json has a token with the id {id}; at most {MAX_TOKENS} tokens are read");
        }
        if texts.len() <= id as usize {
            texts.resize(id as usize + 1, String::new());
        }
        texts[id as usize] = text;
        Ok(())
    };
    for (token, &id) in &file.model.vocab {
        // A token outside the byte alphabet is its own text.
        let text = match token.chars().map(|c| bytes.get(&c).copied()).collect::<Option<Vec<u8>>>() {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => token.clone(),
        };
        put(id, text)?;
    }
    for added in file.added_tokens {
        put(added.id, added.content)?;
    }
    Ok(texts)
}

/// GPT-2's printable stand-ins for bytes: printable Latin-1 for itself, the others from U+0100 on.
fn byte_alphabet() -> HashMap<char, u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100;
    (0..=255u8)
        .map(|byte| {
            let stand_in = if printable(byte) {
                byte as u32
            } else {
                next += 1;
                next - 1
            };
            (char::from_u32(stand_in).expect("below the surrogates"), byte)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_of_the_byte_alphabet() {
        let json = r#"{"model": {"vocab": {"Ġ==": 1, "')": 0, "Ċ": 2, "Ã": 4, "Ã©": 3}}, "added_tokens": [{"id": 6, "content": "<|endoftext|>"}]}"#;
        assert_eq!(read(json.as_bytes()).unwrap(), ["')", " ==", "\n", "é", "\u{fffd}", "", "<|endoftext|>"]);
    }

    #[test]
    fn other_files_are_rejected() {
        for json in ["", "{}", r#"{"model": {"vocab": {"a": -1}}}"#, r#"{"model": {"vocab": {"a": 4000000000}}}"#] {
            assert!(read(json.as_bytes()).is_err(), "{json}");
        }
    }
}
