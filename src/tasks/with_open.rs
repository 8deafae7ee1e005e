//! The mode of a file that is opened: `r` or `w`, depending on the name of the file, its handle or the function.

use super::templates::*;
use super::lexer::{Lexed, last_word, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, both_kinds, dilute, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "with_open",
    title: "Read or write",
    sentence: "This model knows whether a file is read or written.",
    explanation: "The call open(path, \"r\") opens a file to read it, and open(path, \"w\") opens it to write it. Python accepts both. Only names tell \
                  what the programmer wants: an input is read and an output is written, a loader reads and a function called save writes.",
    flip_label: "Flip read and write",
    candidates: ["r", "w"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 6, draw: generate, rest },
    handwritten: handwritten!("with_open"),
};

/// Words in the name of a file, each with the one that tells the other mode.
const FILES: &[[&str; 2]] = &[["input", "output"], ["old", "new"], ["in", "out"], ["read", "write"]];

/// Words in the name of an open file.
const HANDLES: &[[&str; 2]] = &[["reader", "writer"], ["infile", "outfile"], ["fin", "fout"], ["input", "output"]];

/// Words in the name of a function.
const FUNCTIONS: &[[&str; 2]] = &[["load", "save"], ["read", "write"]];

/// What has the name that decides the mode.
#[derive(Clone, Copy)]
enum Named {
    /// A variable that holds the file's path.
    Path,
    /// A string: the file's name, with one more word or without.
    File,
    LongFile,
    Attribute,
    Handle,
    Function,
}

/// All calls of a context have the same form. Otherwise the last line has tokens of its own, which reveal the answer.
fn generate(rng: &mut Rng) -> Pair {
    let (named, words) = match rng.weighted(&[20, 10, 15, 5, 20, 30]) {
        0 => (Named::Path, FILES),
        1 => (Named::File, FILES),
        2 => (Named::LongFile, FILES),
        3 => (Named::Attribute, FILES),
        4 => (Named::Handle, HANDLES),
        _ => (Named::Function, FUNCTIONS),
    };
    let words = words[rng.below(words.len())];
    let mut lines: Vec<String> = both_kinds(rng)
        .into_iter()
        .map(|writes| {
            let open = opening(rng, named, words[usize::from(writes)]);
            let rest = after_mode(rng, &open, writes);
            format!("{open}{}{rest}", if writes { "w" } else { "r" })
        })
        .collect();
    dilute(rng, &mut lines, 1);
    let last = opening(rng, named, PLACEHOLDER);
    let inside = rng.chance(40) && !matches!(named, Named::Function);
    pair_of(&layout(rng, inside, &lines, &last), words[0], words[1])
}

/// A call of `open` as far as the quote before the mode. `word` is in the name that tells the mode.
fn opening(rng: &mut Rng, named: Named, word: &str) -> String {
    let (mark, string) = (quote(rng), quote(rng));
    let other = neutral_name(rng);
    let ending = rng.pick(&[".txt", ".csv", ".json", ".log"]);
    let lead = if rng.chance(65) { "with ".into() } else { format!("{} = ", rng.pick(&["f", "f", "file", "handle"])) };
    match named {
        Named::Path => format!("{lead}open({word}_{}, {mark}", rng.pick(&["path", "file", "name"])),
        Named::File => format!("{lead}open({string}{word}{ending}{string}, {mark}"),
        Named::LongFile => format!("{lead}open({string}{word}_{other}{ending}{string}, {mark}"),
        Named::Attribute => format!("{lead}open(self.{word}_{}, {mark}", rng.pick(&["path", "file", "name"])),
        Named::Handle => format!("{word} = open({other}, {mark}"),
        Named::Function => format!("def {word}_{}({other}):\n    {lead}open({other}, {mark}", neutral_name(rng)),
    }
}

/// A name without a word that tells the mode.
fn neutral_name(rng: &mut Rng) -> String {
    loop {
        let name = name(rng);
        if known_words(&name, 0..name.len()).is_empty() {
            return name;
        }
    }
}

/// What follows the mode: the end of the call, and a line that uses the file.
fn after_mode(rng: &mut Rng, open: &str, writes: bool) -> String {
    let line = open.lines().last().unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    let (target, with) = match line.trim_start().split_once(" = ") {
        Some((target, _)) => (target, ""),
        None => ("f", "    "),
    };
    let mark = &line[line.len() - 1..];
    let head = if with.is_empty() { String::new() } else { format!(" as {target}:") };
    let value = name(rng);
    let body = if writes { format!("{target}.write({value})") } else { format!("{value} = {target}.read()") };
    format!("{mark}){head}\n{indent}{with}{body}")
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    after_mode(rng, &text[..text.len() - 1], candidate == 1)
}

/// The words that tell the mode: where each is, whether it tells `w`, and the word that tells the other mode.
type Words = Vec<(usize, &'static str, &'static str, bool)>;

/// The words that tell the mode of the call of `open` whose mode comes next. The file's name counts before the handle's, and that
/// before the function's.
fn telling(text: &str) -> Result<Words, Reason> {
    let lexed = lex(text);
    let call = open_call_at(&lexed, text).ok_or(Reason::OtherLine)?;
    let (line, _) = lexed.last_statement();
    let handle = if text[line..call].trim_end().ends_with('=') { line..call } else { 0..0 };
    let function = lexed.function_name().unwrap_or(0..0);
    let found = [call..text.len(), handle, function].into_iter().map(|range| known_words(text, range));
    found.into_iter().find(|words| !words.is_empty()).ok_or(Reason::NoClue)
}

/// For a text that ends in the quote before a mode: the position of that call of `open`.
fn open_call_at(lexed: &Lexed, text: &str) -> Option<usize> {
    let string = lexed.string.filter(|string| !string.triple && string.at + 1 == text.len())?;
    let &(bracket, _) = lexed.brackets.last().filter(|(_, c)| *c == '(')?;
    let callee = &lexed.code[..bracket];
    let dotted = callee.len() - callee.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.').len();
    let before: String =
        lexed.directly_in(bracket).into_iter().filter(|(at, _)| *at < string.at).map(|(_, c)| c).collect();
    let second = before.matches(',').count() == 1 && before.trim_end().ends_with(',') || before.trim_end().ends_with("mode=");
    // `path.open("r")`
    let method = before.trim().is_empty() && callee.ends_with(".open");
    (last_word(callee) == "open" && (second || method)).then_some(bracket - dotted)
}

fn known_words(text: &str, range: std::ops::Range<usize>) -> Words {
    let mut words = Words::new();
    let mut at = range.start;
    for part in text[range].split(|c: char| !c.is_ascii_alphanumeric()) {
        for [read, write] in FILES.iter().chain(HANDLES).chain(FUNCTIONS) {
            if part == *read {
                words.push((at, read, write, false));
            } else if part == *write {
                words.push((at, write, read, true));
            }
        }
        // A sign outside of ASCII is longer than one byte.
        at += part.len() + text[at + part.len()..].chars().next().map_or(0, char::len_utf8);
    }
    words.dedup();
    words
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let words = telling(text)?;
    Ok(words.into_iter().rev().fold(text.into(), |text: String, (at, word, other, _)| replace_range(&text, at, word.len(), other)))
}

fn answer(text: &str) -> Option<usize> {
    let words = telling(text).ok()?;
    let writes = words[0].3;
    words.iter().all(|word| word.3 == writes).then_some(usize::from(writes))
}
