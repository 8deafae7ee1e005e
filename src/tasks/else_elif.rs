//! After ` else`: `:` where it starts a line, ` not` or another value where it is within an expression.
//!
//! In the paper ` not` comes after `elif`. There the last token alone gives the answer. Here both prompts of a pair end in ` else`. The rule
//! knows `elif` as well, and so do the drills and the hand-written prompts.

use super::templates::*;
use super::lexer::{Lexed, has_open_if, last_word, lex, outside_brackets, replace_range, tail_of, takes_ternary};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, draw_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "else_elif",
    title: "After else",
    sentence: "This model knows what comes after else.",
    explanation: "A line that is just else ends with a colon. Where else chooses between two values within a line, x = 1 if ready else not done, a \
                  value follows. After elif a condition follows as well. The model must notice where the else is.",
    flip_label: "Flip the use of else",
    candidates: [":", " not"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: drill, rest },
    handwritten: handwritten!("else_elif"),
};

fn generate(rng: &mut Rng) -> Pair {
    let lines: Vec<String> = draw_kinds(rng, &[2, 5, 5, 80, 8])
        .into_iter()
        .map(|ternary| {
            if !ternary {
                let (asked, [yes, no]) = (name(rng), [short_line(rng), short_line(rng)]);
                return format!("if {asked}:\n    {yes}\nelse:\n    {no}");
            }
            // Mostly the condition that the counterfactual puts in.
            let asked = if rng.chance(94) { ADDED.into() } else { name(rng) };
            let not = if rng.chance(75) { "not " } else { "" };
            format!("{} = {} if {asked} else {not}{}", name(rng), atom_number(rng), name(rng))
        })
        .collect();
    let value = match rng.weighted(&[50, 30, 20]) {
        0 => atom_number(rng),
        1 => format!("not {}", name(rng)),
        _ => format!("{}({})", function_name(rng), name(rng)),
    };
    let asked = if rng.chance(75) { name(rng) } else { condition(rng) };
    let last = format!("if {asked}:\n    {} = {value}{PLACEHOLDER} else", name(rng));
    pair_of(&layout(rng, true, &lines, &last), "\n   ", &format!(" if {ADDED}"))
}

fn short_line(rng: &mut Rng) -> String {
    match rng.weighted(&[45, 30, 25]) {
        0 => format!("{} = {}", name(rng), atom_number(rng)),
        1 => format!("{}()", function_name(rng)),
        _ => rng.pick(&["pass", "return"]).into(),
    }
}

/// The condition that a counterfactual puts in.
const ADDED: &str = "x";

/// ` not` also after `elif`.
fn drill(rng: &mut Rng) -> Pair {
    let Pair { a, b } = generate(rng);
    let b = match a.strip_suffix("else").filter(|_| rng.chance(40)) {
        Some(start) => format!("{start}elif"),
        None => b,
    };
    Pair { a, b }
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    let elif = text.ends_with("elif not");
    match candidate {
        0 => body(rng, text),
        _ if elif => format!(" {}:{}", name(rng), body(rng, text)),
        _ => format!(" {}", name(rng)),
    }
}

/// Whether the text ends in the `else` of an expression.
fn is_ternary(lexed: &Lexed) -> bool {
    let before = |code: &str| Some(code.strip_suffix("else")?.trim_end().to_string());
    match lexed.in_bracket() {
        Some(code) => last_word(&code) == "else" && before(&code).is_some_and(|code| has_open_if(&code)),
        None => lexed
            .open_statement()
            .filter(|open| last_word(open.rest) == "else")
            .is_some_and(|open| before(open.rest).is_some_and(|code| has_open_if(&code))),
    }
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    if is_ternary(&lexed) {
        return statement_else(text, &lexed);
    }
    let open = lexed.open_statement().filter(|open| open.rest.is_empty() && lexed.starts_line(open.at)).ok_or(Reason::OtherLine)?;
    match open.keyword {
        "elif" => Ok(replace_range(text, open.at, "elif".len(), "else")),
        "else" => {
            let before = lexed.code[..open.at].trim_end();
            let blank = text[before.len()..open.at].trim().is_empty();
            if blank && lex(&text[..before.len()]).open_statement().is_some_and(|earlier| takes_ternary(&earlier)) {
                return Ok(replace_range(text, before.len(), open.at - before.len(), &format!(" if {ADDED} ")));
            }
            let lines = lexed.lines();
            let (_, indent, _) = lines.last().ok_or(Reason::OtherLine)?;
            let (.., head) = lines[..lines.len() - 1].iter().rfind(|(_, outer, _)| outer <= indent).ok_or(Reason::NotPython)?;
            let conditional = head.starts_with("if ") || head.starts_with("elif ");
            let line = if conditional { "elif".into() } else { format!("x = 1 if {ADDED} else") };
            Ok(replace_range(text, open.at, "else".len(), &line))
        }
        _ => Err(Reason::OtherLine),
    }
}

/// The `else` of an expression becomes that of a statement: of the one that the line is in, or of a new one.
fn statement_else(text: &str, lexed: &Lexed) -> Result<String, Reason> {
    let (at, _) = lexed.last_statement();
    let condition = tail_of(&lexed.code, "if").ok_or(Reason::OtherLine)?;
    let start = text.len() - condition.len() - "if".len();
    if !lexed.starts_line(at) {
        return Err(Reason::NotPython);
    }
    let indent = |at: usize| &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
    let whole = lexed.open_statement().is_some_and(|open| open.at == at && ["", "return"].contains(&open.keyword));
    let value = if whole && !outside_brackets(&lexed.code[at..start]).contains(':') { text[at..start].trim_end() } else { "pass" };
    let line = indent(at);
    match lexed.blocks().first() {
        Some((head, code)) if value != "pass" && (code.starts_with("if ") || code.starts_with("elif ")) => {
            Ok(format!("{}{value}\n{}else", &text[..at], indent(*head)))
        }
        _ => {
            let condition = text[text.len() - condition.len()..].trim_end_matches("else").trim();
            Ok(format!("{}if {condition}:\n{line}    {value}\n{line}else", &text[..at]))
        }
    }
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    if is_ternary(&lexed) {
        return Some(1);
    }
    let open = lexed.open_statement().filter(|open| open.rest.is_empty())?;
    match open.keyword {
        "else" => Some(0),
        "elif" => Some(1),
        _ => None,
    }
}
