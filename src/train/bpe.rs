//! Training of the tokenizer: punctuation merges are chosen by hand; the `tokenizers` crate learns
//! the others.
//!
//! Plain BPE forms tokens that reveal a task's answer (` [[` contains the depth of the list) and
//! tokens that begin with a candidate (`"),`, `]]\n`), so that the next token depends on the text
//! after it. Therefore the table below lists all merges of punctuation. No token has two opening
//! brackets, an opening bracket and a quote other than `("` and `('`, a quote and letters, or
//! punctuation and a newline. So a candidate is always its own token, whatever follows it. The
//! cost: most newlines are separate tokens, about one token in twelve.
//!
//! One exception: `],` is a token. It ends a row of a nested list. So after a row's items the
//! choice is `],` or `]]`, and a plain `]` means a flat list. Without this token `]` is also right
//! in a nested list, and even a model that counts perfectly prefers it there (measured: 98 % of
//! pairs ordered correctly, accuracy 60 %).
//!
//! Only the merges are special. Pre-tokenizer and format are the usual ones, so every library reads
//! `tokenizer.json` in the same way.

use std::collections::{HashMap, HashSet};

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Trainer};

use crate::tokenizer::{END_OF_TEXT, Tokenizer, pre_tokenizer};
use crate::{Error, Result, bail};

/// Punctuation merges in order of rank. A space is written as it is: see [`byte_text`].
/// Closing and opening calls come first, so that `"),` is `")` and `,`.
const PUNCTUATION: &[(&str, &str)] = &[
    // candidates and what opens a string
    ("'", ")"),
    ("\"", ")"),
    ("(", "\""),
    ("(", "'"),
    ("\"", ":"),
    ("'", ":"),
    ("\"", ","),
    ("'", ","),
    ("]", "]"),
    // empty strings and docstrings
    ("\"", "\""),
    ("\"\"", "\""),
    ("'", "'"),
    ("''", "'"),
    ("\"", "]"),
    ("'", "]"),
    ("\"", "}"),
    ("'", "}"),
    // the end of a row, so that a lone `]` after it ends a flat list
    ("]", ","),
    // operators
    ("+", "="),
    ("-", "="),
    ("*", "="),
    ("/", "="),
    ("!", "="),
    ("<", "="),
    (">", "="),
    ("-", ">"),
    ("*", "*"),
    ("/", "/"),
    (" ", "="),
    (" =", "="),
    (" ", "+="),
    (" ", "-="),
    (" ", "*="),
    (" ", "/="),
    (" ", "!="),
    (" ", "<="),
    (" ", ">="),
    (" ", "->"),
    (" ", "**"),
    (" ", "//"),
    (" ", "+"),
    (" ", "-"),
    (" ", "*"),
    (" ", "/"),
    (" ", "%"),
    (" ", "<"),
    (" ", ">"),
    (" ", "|"),
    (" ", "&"),
    (" ", "#"),
    (" ", "@"),
    (" ", "\\"),
    (" ", ":"),
    (" ", "."),
    // a space before an opening
    (" ", "\"\"\""),
    (" ", "\"\""),
    (" ", "''"),
    (" ", "\""),
    (" ", "'"),
    (" ", "["),
    (" ", "{"),
    (" ", "("),
    // calls, definitions, subscripts, dunder names
    ("(", ")"),
    ("()", ":"),
    (")", ":"),
    (")", ","),
    (")", ")"),
    ("()", "."),
    (")", "."),
    ("}", ","),
    ("{", "}"),
    ("[", "]"),
    (" ", "{}"),
    (" ", "[]"),
    ("_", "_"),
    (".", "__"),
    ("__", "("),
    ("__", "."),
    // rules and dots
    ("=", "="),
    ("==", "=="),
    ("-", "-"),
    ("--", "--"),
    ("#", "#"),
    (".", "."),
    ("..", "."),
    ("\\", "n"),
];

/// Punctuation that may be the first character of a learned token, before letters: `.append`, `_name`, `(self`.
const LEADS: &[char] = &['.', '_', '('];

/// Trains on `samples`. The last id is `<|endoftext|>`.
pub fn train<'a>(samples: impl Iterator<Item = &'a str> + Send, vocab_size: usize) -> Result<Tokenizer> {
    let alphabet: HashSet<char> = ByteLevel::alphabet().into_iter().collect();
    let mut tokens: Vec<String> = alphabet.iter().map(char::to_string).collect();
    tokens.sort_unstable();
    let mut merges: Vec<(String, String)> = Vec::new();
    for (left, right) in PUNCTUATION {
        let (left, right) = (byte_text(left), byte_text(right));
        let joined = format!("{left}{right}");
        if !tokens.contains(&joined) {
            tokens.push(joined);
        }
        merges.push((left, right));
    }
    let fixed = tokens.len() + 1;
    if vocab_size <= fixed || vocab_size > 1 << 16 {
        bail!("a vocabulary of {vocab_size} tokens cannot be trained; choose between {} and 65536", fixed + 1);
    }
    let trainer_error =
        |error: tokenizers::Error| Error::invalid(format!("the tokenizer could not be trained: {error}"));
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .min_frequency(2)
        .initial_alphabet(alphabet)
        .vocab_size(vocab_size - fixed + 256)
        .build();
    let splitter = pre_tokenizer()?;
    trainer
        .feed(samples, |text| {
            let mut split = PreTokenizedString::from(text);
            splitter.pre_tokenize(&mut split)?;
            Ok(split
                .get_splits(OffsetReferential::Original, OffsetType::None)
                .into_iter()
                .flat_map(|(piece, ..)| learnable(piece))
                .map(str::to_string)
                .collect())
        })
        .map_err(trainer_error)?;
    let mut learned = BPE::default();
    trainer.train(&mut learned).map_err(trainer_error)?;
    for (left, right) in merges_of(&learned)? {
        let joined = format!("{left}{right}");
        if tokens.contains(&joined) {
            bail!(
                "the learned token {joined:?} already exists; the punctuation table overlaps with the learned merges"
            );
        }
        tokens.push(joined);
        merges.push((left, right));
    }
    tokens.push(END_OF_TEXT.into());
    if tokens.len() != vocab_size {
        bail!("the text is too small for {vocab_size} tokens: only {} were found", tokens.len());
    }
    let vocab: HashMap<String, u32> = tokens.into_iter().zip(0..).collect();
    Tokenizer::from_parts(vocab, merges)
}

/// In GPT-2's printable alphabet a space is `Ġ`; the rest of ASCII punctuation is itself.
fn byte_text(text: &str) -> String {
    text.replace(' ', "Ġ")
}

/// The parts of a pre-token within which merges are learned: letters with one lead, digits, or white space.
fn learnable(piece: &str) -> Vec<&str> {
    let class = |c: char| match c {
        'Ġ' | 'Ċ' | 'č' | 'ĉ' => 0,
        '0'..='9' => 1,
        c if c.is_ascii_punctuation() => 2,
        _ => 3,
    };
    let mut parts = Vec::new();
    let mut chars = piece.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        let mut kind = class(first);
        let next = chars.peek().map(|&(_, c)| class(c));
        if start == 0 && next == Some(3) && (first == 'Ġ' || LEADS.contains(&first)) {
            kind = 3;
        }
        if kind == 2 {
            continue;
        }
        let mut end = start + first.len_utf8();
        while let Some(&(at, c)) = chars.peek() {
            if class(c) != kind {
                break;
            }
            end = at + c.len_utf8();
            chars.next();
        }
        parts.push(&piece[start..end]);
    }
    parts
}

/// The crate keeps a trained model's merges private; its written form has them.
fn merges_of(model: &BPE) -> Result<Vec<(String, String)>> {
    #[derive(serde::Deserialize)]
    struct Written {
        merges: Vec<(String, String)>,
    }
    let written = serde_json::to_value(model).and_then(serde_json::from_value::<Written>);
    written
        .map(|w| w.merges)
        .map_err(|error| Error::invalid(format!("the trained merges cannot be read back: {error}")))
}
