//! After `True` and other values: `:` where the line starts with `while`, a line end where it starts with `return`.

use super::templates::*;
use super::lexer::{OpenStatement, first_word, lex, may_end, outside_brackets, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, dilute, draw_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "while_return_true",
    title: "Loop or return",
    sentence: "This model tells a loop from the end of a function.",
    explanation: "While True starts a loop, so a colon comes next and the lines to repeat follow. Return True ends a function and gives True \
                  back, so the line ends. The model must look at the word before True.",
    flip_label: "Flip while and return",
    candidates: [":", "\n"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: generate, rest },
    handwritten: handwritten!("while_return_true"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> = draw_kinds(rng, &[2, 5, 5, 75, 13])
        .into_iter()
        .map(|returns| {
            let value = value(rng);
            if returns {
                format!("if {}:\n    return {value}", condition(rng))
            } else {
                format!("while {value}:\n    {}", plain_statement(rng))
            }
        })
        .collect();
    dilute(rng, &mut lines, 1);
    let mut last = format!("{PLACEHOLDER} {}", value(rng));
    if rng.chance(35) {
        last = format!("if {}:\n    {last}", condition(rng));
    }
    pair_of(&layout(rng, true, &lines, &last), "while", "return")
}

/// What a loop repeats for and a function returns: mostly `True`.
fn value(rng: &mut Rng) -> String {
    match rng.weighted(&[50, 10, 40]) {
        0 => "True".into(),
        1 => rng.pick(&["False", "None"]).into(),
        _ => condition(rng),
    }
}

/// After `return` the function ends.
fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    if candidate == 0 { body(rng, text) } else { plain_statement(rng) }
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let open = lexed.open_statement().ok_or(Reason::OtherLine)?;
    let word = match open.keyword {
        "while" => "return",
        "return" => "while",
        _ => return Err(Reason::OtherLine),
    };
    let value = open.rest;
    let only_loop = value.contains(":=") || !lexed.blocks().iter().any(|(_, head)| is_function(head));
    let only_return = outside_brackets(value).contains(',') || value.starts_with('*') || value.is_empty();
    let refused = if open.keyword == "while" { only_loop } else { only_return };
    if refused || !lexed.starts_line(open.at) {
        return Err(Reason::NotPython);
    }
    Ok(replace_range(text, open.at, open.keyword.len(), word))
}

fn is_function(head: &str) -> bool {
    first_word(head.strip_prefix("async ").unwrap_or(head)) == "def"
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let OpenStatement { keyword, rest, .. } = lexed.open_statement()?;
    match keyword {
        "while" => may_end(rest).then_some(0),
        "return" => (may_end(rest) || rest.is_empty()).then_some(1),
        _ => None,
    }
}
