//! Tasks: a choice between two next tokens, and pairs of prompts that differ in one place and have different right answers
//! (Gao et al. 2025, table 1).
//!
//! A new task is one file with a `pub const TASK`, its name in the list of [`tasks!`], and its hand-written prompts in
//! `handwritten/NAME.txt`.
//!
//! Contexts hold distractors: closed statements that use both answers. In most prompts the presence or absence of one token
//! therefore does not give the answer away.

/// Declares the module of each task and lists them in [`TASKS`], in the order of the menu.
macro_rules! tasks {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// All tasks, in the order of the menu.
        pub const TASKS: &[Task] = &[$(for_target($name::TASK)),*];
    };
}

/// The hand-written prompts of a task. Only the native command measures on them, so the page's wasm leaves their text out.
macro_rules! handwritten {
    ($name:literal) => {
        if cfg!(target_arch = "wasm32") { "" } else { include_str!(concat!("handwritten/", $name, ".txt")) }
    };
}

pub(crate) mod lexer;
pub mod templates;
#[cfg(test)]
mod tests;
mod words;

tasks! {
    single_double_quote,
    bracket_counting,
    set_or_string,
    set_or_string_fixedvarname,
    class_init,
    with_as,
    with_open,
    bracket_brace,
    for_while,
    else_elif,
    fstring_brace,
    if_ternary,
    var_swap,
    indent_for,
    lambda_func,
    if_equals,
    enumerate_range,
    var_if,
    while_return_true,
    final_kwarg,
}

use crate::random::Rng;
use serde::Serialize;
use std::collections::HashSet;

/// A choice between two next tokens.
pub struct Task {
    /// As in the paper: `single_double_quote`.
    pub name: &'static str,
    /// Menu text: "Close the quote".
    pub title: &'static str,
    /// First screen: "This model closes a quote."
    pub sentence: &'static str,
    /// A few sentences for students.
    pub explanation: &'static str,
    /// Text of the flip button: "Flip the quote".
    pub flip_label: &'static str,
    /// The two next tokens; prompt a of a pair wants the first. Where a text has candidates of its own, these are an example:
    /// see [`Task::candidates_after`].
    pub candidates: [&'static str; 2],
    generate: fn(&mut Rng) -> Pair,
    rule: Rule,
    /// How the synthetic training text uses the task's prompts.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code))]
    pub(crate) drill: Drill,
    handwritten: &'static str,
}

/// What decides the answer in any text.
struct Rule {
    /// Changes the part of a text that decides, so that the other candidate is right. Python stays Python.
    counterfactual: fn(&str) -> Result<String, Reason>,
    /// The index of the candidate that is right after a text.
    answer: fn(&str) -> Option<usize>,
    /// For tasks whose candidates are names in the text: the two after a text, or nothing where the rule does not apply. A text and
    /// its counterfactual have the same two.
    candidates: Option<OwnCandidates>,
}

type OwnCandidates = fn(&str) -> Option<[String; 2]>;

/// Why a text has no counterfactual prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Reason {
    /// No string is open.
    NoString,
    /// The open string has triple quotes, which neither candidate closes.
    TripleQuotes,
    /// The open string has this quote in it, which would end it early.
    HoldsQuote { quote: char },
    /// No list is open, or another bracket is open in it.
    NoList,
    /// Neither a brace nor a square bracket is the innermost open bracket.
    NoBracket,
    /// A string is open.
    InString,
    /// The text ends in a comment.
    InComment,
    /// The last line is neither a name nor a condition that ends with one.
    NotName,
    /// The last line is not a variable.
    NotVariable,
    /// The text does not end in a statement of the kinds that the task is about.
    OtherLine,
    /// No word of the text decides which candidate is right.
    NoClue,
    /// It is not known that the variable holds an empty set or an empty string.
    NoValue { variable: String },
    /// The changed text would not be Python.
    NotPython,
    /// After the changed text the other candidate would not be right.
    OtherNotRight,
    /// The part that decides is longer ago than the model can read.
    Cut,
}

impl std::fmt::Display for Reason {
    /// A clause for the command line. The page has its own sentences.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Reason::NoString => "no string is open at its end",
            Reason::TripleQuotes => "the open string has triple quotes",
            Reason::HoldsQuote { quote } => return write!(f, "the open string contains a {quote}"),
            Reason::NoList => "no list is open at its end",
            Reason::NoBracket => "no brace or square bracket is open at its end",
            Reason::InString => "a string is open at its end",
            Reason::InComment => "it ends in a comment",
            Reason::NotName => "its last line is not just a name, or `if` and a name",
            Reason::NotVariable => "its last line is not just a variable",
            Reason::OtherLine => "it does not end in a line that the task is about",
            Reason::NoClue => "no word in it tells the answer",
            Reason::NoValue { variable } => return write!(f, "it does not set {variable} to set() or to \"\""),
            Reason::NotPython => "after the change it would not be Python",
            Reason::OtherNotRight => "after the change the other candidate would not be right",
            Reason::Cut => "the model reads only its end, in which nothing changes",
        };
        f.write_str(text)
    }
}

/// What a task's rule says of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Ruling {
    /// The counterfactual prompt.
    pub b: Option<String>,
    /// Where `b` is null: why.
    pub reason: Option<Reason>,
    /// The candidate that is right after the text; null where the rule cannot tell.
    #[cfg_attr(test, ts(type = "0 | 1 | null"))]
    pub answer: Option<usize>,
    /// The candidates, where the text has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "[string, string]"))]
    pub candidates: Option<[String; 2]>,
}

/// How the synthetic training text uses a task's prompts: each becomes a finished statement.
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
pub(crate) struct Drill {
    /// Relative number of drills. Tasks that a small model learns last have the largest weight.
    pub weight: usize,
    /// Draws a pair. Most tasks use their generator.
    pub draw: fn(&mut Rng) -> Pair,
    /// What follows the candidate (by its index) on its line, without closing brackets. `text` ends in the candidate.
    pub rest: fn(&mut Rng, text: &str, candidate: usize) -> String,
}

/// Two prompts that differ in one place. `a` wants the first of the candidates as its next token, `b` the second.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Pair {
    pub a: String,
    pub b: String,
}

/// A hand-written prompt, and the index of the candidate that belongs after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handwritten {
    pub prompt: String,
    pub wanted: usize,
}

/// Pairs belong to one split by a hash of their text, so the splits never share a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Train,
    Validation,
    Test,
}

impl Split {
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    pub(crate) fn of(pair: &Pair) -> Split {
        match fnv(&[&pair.a, &pair.b]) >> 32 & 3 {
            0 => Split::Validation,
            1 => Split::Test,
            _ => Split::Train,
        }
    }
}

/// Seed of the pairs; the synthetic training text uses another.
const SEED: u64 = 0x7a5c;

/// Prompts outside these bounds (of [`rough_tokens`]) are drawn again: about 8 to 60 tokens.
const ROUGH_TOKENS: std::ops::RangeInclusive<usize> = 10..=66;

/// A rough number of tokens without a tokenizer. Three letters, a digit, a sign, or a space before a digit count as one token.
fn rough_tokens(text: &str) -> usize {
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let others = text.chars().filter(|&c| !c.is_alphabetic() && c != ' ').count();
    let spaces = text.as_bytes().windows(2).filter(|two| two[0] == b' ' && two[1].is_ascii_digit()).count();
    letters / 3 + others + spaces
}

/// The task without what only the native command needs: in the page's wasm the code of the generators would be dead weight.
const fn for_target(task: Task) -> Task {
    fn no_pair(_: &mut Rng) -> Pair {
        Pair { a: String::new(), b: String::new() }
    }
    if cfg!(target_arch = "wasm32") {
        let drill = Drill { weight: 0, draw: no_pair, rest: nothing };
        return Task { generate: no_pair, drill, ..task };
    }
    task
}

impl Task {
    /// The first `count` different pairs of a split; always the same ones, and more only adds to the end. Fewer come back only when
    /// the generator has run dry (no task's does below 100,000).
    pub fn pairs(&self, split: Split, count: usize) -> Vec<Pair> {
        let mut rng = Rng::with_stream(SEED, fnv(&[self.name]));
        let (mut seen, mut out) = (HashSet::new(), Vec::new());
        let mut misses = 0;
        while out.len() < count && misses < 100_000 {
            let pair = (self.generate)(&mut rng);
            let fits = [&pair.a, &pair.b].iter().all(|text| ROUGH_TOKENS.contains(&rough_tokens(text)));
            if fits && Split::of(&pair) == split && seen.insert(pair.clone()) {
                out.push(pair);
                misses = 0;
            } else {
                misses += 1;
            }
        }
        out
    }

    /// The counterfactual of a text: the part that decides the answer is changed, so that the other candidate is right.
    /// It is valid Python as far as it goes if the text is.
    ///
    /// # Errors
    /// Why the text has none.
    pub fn counterfactual(&self, text: &str) -> Result<String, Reason> {
        let b = (self.rule.counterfactual)(text)?;
        let other =
            |answer| self.answer(&b) == Some(1 - answer) && self.own_candidates(&b) == self.own_candidates(text);
        if self.answer(text).is_none_or(other) { Ok(b) } else { Err(Reason::OtherNotRight) }
    }

    /// The two candidates after a text: its own if it has some, or else the task's. A pair's prompts have the same two.
    pub fn candidates_after(&self, text: &str) -> [String; 2] {
        self.own_candidates(text).unwrap_or(self.candidates.map(String::from))
    }

    /// Whether texts have candidates of their own.
    pub fn has_own_candidates(&self) -> bool {
        self.rule.candidates.is_some()
    }

    fn own_candidates(&self, text: &str) -> Option<[String; 2]> {
        self.rule.candidates?(text)
    }

    /// The index of the candidate that is right after a text; `None` where the rule cannot tell.
    pub fn answer(&self, text: &str) -> Option<usize> {
        (self.rule.answer)(text)
    }

    /// What the rule says of a text to a model that reads its last `context` tokens.
    #[cfg(feature = "tokenizer")]
    pub fn ruling(&self, tokenizer: &crate::tokenizer::Tokenizer, text: &str, context: usize) -> Ruling {
        let read = |text: &str| {
            let mut tokens = tokenizer.encode(text);
            tokens.split_off(tokens.len().saturating_sub(context))
        };
        let (b, reason, answer) = match self.counterfactual(text) {
            Ok(b) if read(&b) == read(text) => (None, Some(Reason::Cut), None),
            Ok(b) => (Some(b), None, self.answer(text)),
            Err(reason) => (None, Some(reason), self.answer(text)),
        };
        Ruling { b, reason, answer, candidates: self.own_candidates(text) }
    }

    /// Prompts as a person would type them, not from the generator: `src/tasks/handwritten/NAME.txt`. A candidate of white space is
    /// named as Rust writes it: `=== "\n"`.
    pub fn handwritten(&self) -> Vec<Handwritten> {
        let mut out: Vec<Handwritten> = Vec::new();
        // An indentation belongs to a new line.
        let end = if self.candidates[0].starts_with("  ") { "\n" } else { "" };
        for block in self.handwritten.split("\n=== ").skip(1) {
            let (head, prompt) = block.split_once('\n').unwrap_or((block, ""));
            let [_, second] = self.candidates_after(prompt.trim_end_matches('\n'));
            let wanted = usize::from(head == format!("{second:?}") || head == second.trim());
            out.push(Handwritten { prompt: prompt.trim_end_matches('\n').to_string() + end, wanted });
        }
        out
    }

    /// Ids of the task's candidates.
    ///
    /// # Errors
    /// The tokenizer has no single token for one of them.
    #[cfg(feature = "tokenizer")]
    pub fn candidate_tokens(&self, tokenizer: &crate::tokenizer::Tokenizer) -> crate::Result<[u32; 2]> {
        self.tokens_of(tokenizer, self.candidates)
    }

    /// Ids of the candidates after a text.
    ///
    /// # Errors
    /// The tokenizer has no single token for one of them.
    #[cfg(feature = "tokenizer")]
    pub fn candidate_tokens_after(
        &self,
        tokenizer: &crate::tokenizer::Tokenizer,
        text: &str,
    ) -> crate::Result<[u32; 2]> {
        let [first, second] = self.candidates_after(text);
        self.tokens_of(tokenizer, [&first, &second])
    }

    #[cfg(feature = "tokenizer")]
    fn tokens_of(&self, tokenizer: &crate::tokenizer::Tokenizer, candidates: [&str; 2]) -> crate::Result<[u32; 2]> {
        let id = |text: &str| {
            tokenizer.single_token(text).ok_or_else(|| {
                crate::Error::invalid(format!(
                    "the tokenizer has no single token {text:?}, which the task {} needs",
                    self.name
                ))
            })
        };
        Ok([id(candidates[0])?, id(candidates[1])?])
    }
}

/// The task of that name.
pub fn find(name: &str) -> Option<&'static Task> {
    TASKS.iter().find(|task| task.name == name)
}

/// FNV-1a, 64 bits, over the parts with a zero byte after each.
fn fnv(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3));
    // FNV's upper bits mix slowly; one more multiply-xorshift spreads the last bytes.
    (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// Where the part that decides the answer goes in a template.
const PLACEHOLDER: &str = "\u{1}";

/// Lines of one level, then the last, unfinished line; `inside` a function, its head is put before.
fn layout(rng: &mut Rng, inside: bool, lines: &[String], last: &str) -> String {
    let indent = if inside { "    " } else { "" };
    let mut out = String::new();
    if inside {
        let count = rng.below(3);
        let parameters = templates::names(rng, count).join(", ");
        out.push_str(&format!("def {}({parameters}):\n", templates::function_name(rng)));
    }
    for line in lines.iter().map(String::as_str).chain([last]) {
        for (index, part) in line.split('\n').enumerate() {
            if index > 0 {
                out.push('\n');
            }
            out.push_str(indent);
            out.push_str(part);
        }
        out.push('\n');
    }
    out.pop();
    out
}

/// The [`Drill::rest`] of tasks whose candidate ends the statement.
fn nothing(_: &mut Rng, _: &str, _: usize) -> String {
    String::new()
}

/// A line end and one statement, indented as the body of the head that ends the text.
fn body(rng: &mut Rng, text: &str) -> String {
    let last = text.lines().next_back().unwrap_or_default();
    let indent = " ".repeat(last.len() - last.trim_start().len() + 4);
    format!("\n{indent}{}", templates::plain_statement(rng))
}

/// The statement on the line that the text has just begun, indented as the line before.
fn next_line(rng: &mut Rng, text: &str) -> String {
    let last = text.lines().next_back().unwrap_or_default();
    let indent = " ".repeat(last.len() - last.trim_start().len());
    format!("{indent}{}", templates::plain_statement(rng))
}

fn pair_of(template: &str, a: &str, b: &str) -> Pair {
    Pair { a: template.replace(PLACEHOLDER, a), b: template.replace(PLACEHOLDER, b) }
}

/// Which of the two kinds of distractors a context holds. Mostly both, so that their presence does not reveal the answer.
fn distractor_kinds(rng: &mut Rng) -> Vec<bool> {
    draw_kinds(rng, &[6, 8, 8, 66, 12])
}

/// As [`distractor_kinds`], with both kinds in almost every context. For tasks whose last line has a token that would reveal the
/// answer in a context without distractors.
fn both_kinds(rng: &mut Rng) -> Vec<bool> {
    draw_kinds(rng, &[2, 2, 2, 74, 20])
}

/// In proportion to `weights`: none, one of the first kind, one of the second, both, both and one more.
fn draw_kinds(rng: &mut Rng, weights: &[usize; 5]) -> Vec<bool> {
    let mut kinds = match rng.weighted(weights) {
        0 => vec![],
        1 => vec![false],
        2 => vec![true],
        3 => vec![false, true],
        _ => vec![false, true, rng.chance(50)],
    };
    rng.shuffle(&mut kinds);
    kinds
}

/// Inserts at most `most` plain statements among the lines.
fn dilute(rng: &mut Rng, lines: &mut Vec<String>, most: usize) {
    for _ in 0..rng.below(most + 1) {
        let place = rng.below(lines.len() + 1);
        lines.insert(place, templates::plain_statement(rng));
    }
}
