//! At the end of a line: a line end after an assignment, `:` after a condition.
//!
//! In the paper `True` is assigned. Here any condition can be assigned, so that both prompts of a pair have the same end.

use super::templates::*;
use super::lexer::{OpenStatement, assigned_value, first_word, lex, may_end, outside_brackets, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, dilute, draw_kinds, layout, next_line, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "var_if",
    title: "End of a line",
    sentence: "This model ends a line.",
    explanation: "After done = True a command is complete, so the line ends. After if done the line needs a colon, because the lines that \
                  depend on the condition follow. The two lines can end in the same words. The model must look at how the line started.",
    flip_label: "Flip assignment and condition",
    candidates: ["\n", ":"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: generate, rest },
    handwritten: handwritten!("var_if"),
};

fn generate(rng: &mut Rng) -> Pair {
    let last = value(rng);
    let mut lines: Vec<String> = draw_kinds(rng, &[2, 5, 5, 73, 15])
        .into_iter()
        .map(|asks| {
            let value = value(rng);
            if asks {
                return format!("if {value}:\n    {}", plain_statement(rng));
            }
            // Mostly the same variable, so that its name does not reveal the answer.
            let target = if rng.chance(85) { variable(&last) } else { variable(&value) };
            format!("{target} = {value}")
        })
        .collect();
    dilute(rng, &mut lines, 1);
    let inside = rng.chance(50);
    let assignment = format!("{} =", variable(&last));
    pair_of(&layout(rng, inside, &lines, &format!("{PLACEHOLDER} {last}")), &assignment, "if")
}

/// The value or condition. Mostly it ends in `True` or another expression that can be either.
fn value(rng: &mut Rng) -> String {
    match rng.weighted(&[15, 25, 60]) {
        0 => rng.pick(&["True", "False"]).into(),
        1 => format!("{} {} {}", name(rng), rng.pick(&["==", "is", "!="]), rng.pick(&["True", "False", "None"])),
        _ => condition(rng),
    }
}

/// A variable for a value: the first letter of its first word.
fn variable(value: &str) -> String {
    let letter = first_word(value).chars().next().filter(char::is_ascii_alphabetic).unwrap_or('x');
    letter.to_ascii_lowercase().to_string()
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    if candidate == 0 { next_line(rng, text) } else { body(rng, text) }
}

/// The condition of `if`, `elif` or `while`, or the value of an assignment, and the index of the candidate after it.
fn last_value<'a>(open: &OpenStatement<'a>) -> Option<(usize, &'a str)> {
    match open.keyword {
        "if" | "elif" | "while" => Some((1, open.rest)),
        "" => assigned_value(open.rest).map(|value| (0, value)),
        _ => None,
    }
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let open = lexed.open_statement().ok_or(Reason::OtherLine)?;
    let (candidate, value) = last_value(&open).ok_or(Reason::OtherLine)?;
    let shown = outside_brackets(value);
    let only_condition = shown.contains(":=");
    let only_value = shown.contains(',') || value.starts_with('*') || first_word(value) == "yield";
    if only_condition || only_value || !lexed.starts_line(open.at) {
        return Err(Reason::NotPython);
    }
    let start = if candidate == 0 { "if".into() } else { format!("{} =", variable(value)) };
    Ok(replace_range(text, open.at, text.len() - value.len() - open.at, &format!("{start} ")))
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let (candidate, value) = last_value(&lexed.open_statement()?)?;
    may_end(value).then_some(candidate)
}
