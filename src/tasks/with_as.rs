//! After a call that opens something: ` as` in a `with` line, the end of the line in an assignment.
//!
//! The paper does not name its candidates. Here the second one is a line end, which ends an assignment.

use super::templates::*;
use super::lexer::{OpenStatement, is_name, last_word, lex, may_end, outside_brackets, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, dilute, both_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "with_as",
    title: "With or assign",
    sentence: "This model knows where a file gets its name.",
    explanation: "Python opens a file in two ways. An assignment names it first: f = open(path). A with line names it last, after the word as: \
                  with open(path) as f. After the closing bracket the model must know how its line started.",
    flip_label: "Flip with and assignment",
    candidates: [" as", "\n"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 2, draw: generate, rest },
    handwritten: handwritten!("with_as"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> = both_kinds(rng)
        .into_iter()
        .map(|assigns| {
            let handle = handle(rng);
            let (call, result) = (opening_call(rng), name(rng));
            if assigns { format!("{handle} = {call}") } else { format!("with {call} as {handle}:\n    {result} = {handle}.read()") }
        })
        .collect();
    dilute(rng, &mut lines, 2);
    let last = format!("{PLACEHOLDER}{}", opening_call(rng));
    let inside = rng.chance(40);
    pair_of(&layout(rng, inside, &lines, &last), "with ", TARGET)
}

/// The name of an open file. Mostly `f`, which is the target of the last line too.
fn handle(rng: &mut Rng) -> String {
    if rng.chance(75) { "f".into() } else { name(rng) }
}

fn opening_call(rng: &mut Rng) -> String {
    let path = if rng.chance(55) { name(rng) } else { literal(rng, 1) };
    let mark = quote(rng);
    match rng.weighted(&[50, 22, 8, 6, 5, 5, 4]) {
        0 => format!("open({path})"),
        1 => format!("open({path}, {mark}{}{mark})", rng.pick(&["r", "w", "a", "rb"])),
        2 => format!("{}.open()", name(rng)),
        3 => format!("gzip.open({path})"),
        4 => format!("zipfile.ZipFile({path})"),
        5 => format!("urlopen({path})"),
        _ => format!("self.{}.open()", name(rng)),
    }
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    let last = text.trim_end_matches('\n').lines().last().unwrap_or_default();
    let indent = " ".repeat(last.len() - last.trim_start().len());
    let (handle, result) = if candidate == 0 { (handle(rng), name(rng)) } else { ("f".into(), name(rng)) };
    let line = format!("{result} = {handle}.{}()", rng.pick(&["read", "read", "readlines"]));
    if candidate == 0 { format!(" {handle}:\n{indent}    {line}") } else { format!("{indent}{line}") }
}

/// What the counterfactual of a `with` line assigns to.
const TARGET: &str = "f = ";

/// Functions and classes whose result is opened by `with ... as`.
const OPENERS: &[&str] = &[
    "open", "fdopen", "urlopen", "ZipFile", "TarFile", "GzipFile", "NamedTemporaryFile", "TemporaryFile",
    "TemporaryDirectory", "socket", "create_connection", "connect", "Session", "Client", "Pool",
    "ThreadPoolExecutor", "ProcessPoolExecutor", "scandir",
];

/// Whether code ends with a whole call of one of [`OPENERS`], as in `f = open(path)`.
fn ends_with_opening(code: &str) -> bool {
    code.ends_with(')') && OPENERS.contains(&last_word(outside_brackets(code).trim_end_matches([' ', '(', ')'])))
}

/// The part after the last comma outside of brackets: one of the files of a `with` line.
fn last_item(code: &str) -> &str {
    &code[outside_brackets(code).rfind(',').map_or(0, |at| at + 1)..]
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let OpenStatement { at, keyword, rest } =
        lexed.open_statement().filter(|statement| ends_with_opening(statement.rest)).ok_or(Reason::OtherLine)?;
    let call = match keyword {
        "with" | "return" => rest,
        "" => {
            let (_, call) = rest.split_once('=').filter(|(target, _)| is_name(target.trim())).ok_or(Reason::NotPython)?;
            call.trim_start()
        }
        _ => return Err(Reason::OtherLine),
    };
    if text[at..].starts_with("async ") || !is_call(call) {
        return Err(Reason::NotPython);
    }
    Ok(replace_range(text, at, text.len() - call.len() - at, if keyword == "with" { TARGET } else { "with " }))
}

/// Whether code that ends with a call is that call alone: `open(path)`, `Path(name).open()`.
fn is_call(code: &str) -> bool {
    let outside = outside_brackets(code);
    is_name(&outside.split('(').map(|part| part.trim_start().trim_start_matches(')')).collect::<String>())
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let OpenStatement { keyword, rest, .. } = lexed.open_statement()?;
    let code = if keyword == "with" { last_item(rest).trim() } else { rest };
    let named = outside_brackets(code).contains(" as ");
    match keyword {
        _ if !ends_with_opening(code) || named => None,
        "with" => Some(0),
        "return" | "" => may_end(code).then_some(1),
        _ => None,
    }
}
