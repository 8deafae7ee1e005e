//! Byte-level BPE through the `tokenizers` crate. Any text round-trips byte for byte: characters outside the vocabulary fall
//! back to tokens of single bytes.

use std::collections::HashMap;

use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

use crate::{Error, Result, bail};

/// The expression that cuts text before merging (Gao et al. 2025, the published `tinypython_2k`).
pub const SPLIT_REGEX: &str =
    r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Separates documents; the last id of the vocabulary.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// Larger files than this are refused unread: a vocabulary of 200,000 tokens takes about 20 MB.
const MAX_BYTES: usize = 64 << 20;

/// Text to token ids and back.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`, which is untrusted.
    ///
    /// # Errors
    /// A file that is too large, malformed, or not a byte-level tokenizer.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        check_size(bytes, "tokenizer.json")?;
        let inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|error| Error::invalid(format!("this is not a tokenizer.json that can be read: {error}")))?;
        Self::checked(inner)
    }

    /// Reads the published form: `encoder.json` (token to id, in GPT-2's byte alphabet) and `vocab.bpe` (merges, one a line).
    pub fn from_encoder_and_merges(encoder_json: &[u8], vocab_bpe: &[u8]) -> Result<Self> {
        check_size(encoder_json, "encoder.json")?;
        check_size(vocab_bpe, "vocab.bpe")?;
        let vocab: HashMap<String, u32> = serde_json::from_slice(encoder_json)
            .map_err(|error| Error::invalid(format!("encoder.json is not a table of tokens and their ids: {error}")))?;
        let text = std::str::from_utf8(vocab_bpe).map_err(|_| Error::invalid("vocab.bpe is not UTF-8 text"))?;
        let mut merges = Vec::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || index == 0 && line.starts_with("#version") {
                continue;
            }
            match line.split_once(' ') {
                Some((left, right)) if !right.contains(' ') => merges.push((left.to_string(), right.to_string())),
                _ => bail!("line {} of vocab.bpe is not two tokens with a space between", index + 1),
            }
        }
        Self::from_parts(vocab, merges)
    }

    /// Builds a tokenizer from its vocabulary (ids must be 0..n without gaps) and merges in order of rank.
    pub(crate) fn from_parts(vocab: HashMap<String, u32>, merges: Vec<(String, String)>) -> Result<Self> {
        let mut seen = vec![false; vocab.len()];
        for (token, &id) in &vocab {
            match seen.get_mut(id as usize) {
                Some(taken) if !*taken => *taken = true,
                _ => bail!("the vocabulary's ids do not run from 0 to {} (see token {token:?})", vocab.len() - 1),
            }
        }
        let has_end = vocab.contains_key(END_OF_TEXT);
        let invalid =
            |error: tokenizers::Error| Error::invalid(format!("vocabulary and merges do not fit together: {error}"));
        let vocab: tokenizers::models::bpe::Vocab = vocab.into_iter().collect();
        let model = BPE::builder().vocab_and_merges(vocab, merges).build().map_err(invalid)?;
        let mut inner = tokenizers::Tokenizer::new(model);
        inner.with_pre_tokenizer(Some(pre_tokenizer()?)).with_decoder(Some(byte_level()));
        if has_end {
            inner.add_special_tokens([AddedToken::from(END_OF_TEXT, true)]).map_err(invalid)?;
        }
        Self::checked(inner)
    }

    /// Refuses a tokenizer that is readable but not byte-level, because it would lose text.
    fn checked(inner: tokenizers::Tokenizer) -> Result<Self> {
        let tokenizer = Tokenizer { inner };
        let probe = "if x:\n\tprint(\"é\")\n";
        if tokenizer.decode(&tokenizer.encode(probe)) != probe {
            bail!("this tokenizer is not byte-level: it changes text");
        }
        Ok(tokenizer)
    }

    /// The text of a `tokenizer.json` with which every reader of that format gives the same tokens.
    pub fn to_json(&self) -> Result<String> {
        self.inner.to_string(true).map_err(|error| Error::invalid(format!("cannot write the tokenizer: {error}")))
    }

    /// Token ids of a text; `<|endoftext|>` inside it becomes its one token.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => encoding.get_ids().to_vec(),
            // Only the backtracking limit of the regex engine can fail, for example on a megabyte of spaces. Halves are shorter.
            Err(_) if text.chars().nth(1).is_some() => {
                let mut middle = text.len() / 2;
                while !text.is_char_boundary(middle) || middle == 0 {
                    middle += 1;
                }
                let mut ids = self.encode(&text[..middle]);
                ids.extend(self.encode(&text[middle..]));
                ids
            }
            Err(_) => Vec::new(),
        }
    }

    /// The text of some tokens. Bytes that are not UTF-8 (a part of a character) become U+FFFD; ids outside the vocabulary are left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.inner.decode(ids, false).unwrap_or_default()
    }

    /// The text of one token, as [`Tokenizer::decode`].
    pub fn token_text(&self, id: u32) -> String {
        self.decode(&[id])
    }

    /// Number of ids.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id of a text that is exactly one token.
    pub fn single_token(&self, text: &str) -> Option<u32> {
        match self.encode(text)[..] {
            [id] => Some(id),
            _ => None,
        }
    }

    /// The id of `<|endoftext|>`, where the vocabulary has it.
    pub fn end_of_text(&self) -> Option<u32> {
        self.inner.token_to_id(END_OF_TEXT)
    }
}

fn check_size(bytes: &[u8], what: &str) -> Result<()> {
    if bytes.len() > MAX_BYTES {
        bail!("{what} has {} bytes; at most {MAX_BYTES} are read", bytes.len());
    }
    Ok(())
}

fn byte_level() -> ByteLevel {
    ByteLevel::new(false, false, false)
}

/// [`SPLIT_REGEX`], then bytes to GPT-2's printable alphabet.
pub(crate) fn pre_tokenizer() -> Result<Sequence> {
    let split = Split::new(SplitPattern::Regex(SPLIT_REGEX.into()), SplitDelimiterBehavior::Isolated, false)
        .map_err(|error| Error::invalid(format!("the pre-tokenizer's expression was refused: {error}")))?;
    Ok(Sequence::new(vec![PreTokenizerWrapper::Split(split), PreTokenizerWrapper::ByteLevel(byte_level())]))
}
