//! After a name: ` ==` in a condition, ` =` in an assignment.

use super::templates::*;
use super::lexer::{lex, replace_range};
use super::{Drill, PLACEHOLDER, Pair, Task, dilute, distractor_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "if_equals",
    title: "Compare or assign",
    sentence: "This model tells a question from a command.",
    explanation: "In Python x = 3 is a command: let x be 3. After the word if stands a question, and it takes two signs: if x == 3. The model must \
                  notice whether the line that it is writing began with if, not whether some earlier line did.",
    flip_label: "Flip condition and assignment",
    candidates: [" ==", " ="],
    generate,
    counterfactual,
    drill: Drill { weight: 1, draw: generate, rest },
    handwritten: handwritten!("if_equals"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> = distractor_kinds(rng)
        .into_iter()
        .map(|assigns| {
            if assigns {
                format!("{} = {}", name(rng), atom(rng))
            } else {
                let (head, value) = (name(rng), atom(rng));
                format!("if {head} == {value}:\n    {}", plain_statement(rng))
            }
        })
        .collect();
    dilute(rng, &mut lines, 1);
    // The last line is always indented: at a line's start a name has no space before it, and that token would tell.
    let mut indent = "";
    let looped = rng.chance(35);
    if looped {
        lines.push(format!("for {} in {}:", name(rng), plural_name(rng)));
        indent = "    ";
    }
    let inside = !looped || rng.chance(40);
    let subject = match rng.weighted(&[72, 16, 12]) {
        0 => name(rng),
        1 => format!("self.{}", name(rng)),
        _ => format!("{}.{}", name(rng), name(rng)),
    };
    pair_of(&layout(rng, inside, &lines, &format!("{indent}{PLACEHOLDER}{subject}")), "if ", "")
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    if candidate == 1 {
        return format!(" {}", atom(rng));
    }
    let body = plain_statement(rng);
    let last = &text[text.rfind('\n').map_or(0, |at| at + 1)..];
    let indent = " ".repeat(last.len() - last.trim_start().len() + 4);
    format!(" {}:\n{indent}{body}", atom(rng))
}

fn counterfactual(text: &str) -> Result<String, String> {
    let start = text.rfind('\n').map_or(0, |at| at + 1);
    let line = &text[start..];
    let at = start + line.len() - line.trim_start().len();
    let rest = &text[at..];
    for word in ["if ", "elif ", "while "] {
        if rest.starts_with(word) {
            return Ok(replace_range(text, at, word.len(), ""));
        }
    }
    let open = lex(text);
    let plain = !rest.is_empty() && rest.chars().all(|c| c.is_alphanumeric() || "_.[]()\"'".contains(c));
    if open.string.is_some() || !open.brackets.is_empty() || !plain {
        return Err("The last line must be a name alone, such as count, or a name after if.".into());
    }
    Ok(replace_range(text, at, 0, "if "))
}
