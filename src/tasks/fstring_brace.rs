//! After the words of a string: ` {` in an f-string, which a variable follows, `",` in a plain one.
//!
//! The paper does not name its candidates. In this tokenizer a space with a brace is one token, and so is a quote with a comma.

use super::templates::*;
use super::lexer::{lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, both_kinds, dilute, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "fstring_brace",
    title: "Variable in a string",
    sentence: "This model knows where a string may hold a variable.",
    explanation: "An f before a string lets it hold variables, in curly braces: print(f\"Hello {name}\"). Without the f, braces are just signs, so \
                  the variable comes after the string: print(\"Hello\", name). The model must look at the sign before the opening quote.",
    flip_label: "Flip f-string and plain string",
    candidates: [" {", "\","],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 3, draw: generate, rest },
    handwritten: handwritten!("fstring_brace"),
};

/// All strings of a context are in calls, or all in lists: a quote after `(` is another token than one after `[`.
fn generate(rng: &mut Rng) -> Pair {
    let list = rng.chance(10);
    let mut lines: Vec<String> = both_kinds(rng)
        .into_iter()
        .map(|plain| {
            let (open, variable) = (opening(rng, list, if plain { "" } else { "f" }, 3), name(rng));
            let end = if list { ']' } else { ')' };
            if plain { format!("{open}\", {variable}{end}") } else { format!("{open} {{{variable}}}\"{end}") }
        })
        .collect();
    dilute(rng, &mut lines, 1);
    let last = opening(rng, list, PLACEHOLDER, 8);
    let inside = rng.chance(40);
    pair_of(&layout(rng, inside, &lines, &last), "f", "")
}

/// A call or a list as far as the words of its first string, which has `prefix` before its quote.
fn opening(rng: &mut Rng, list: bool, prefix: &str, most: usize) -> String {
    let head = match rng.weighted(&[50, 33, 17]) {
        _ if list => format!("{} = [", name(rng)),
        0 => "print(".into(),
        1 => format!("{}.{}(", name(rng), rng.pick(&["write", "append", "info", "error", "send"])),
        _ => format!("{} = {}(", name(rng), function_name(rng)),
    };
    let end = if rng.chance(30) { rng.pick(&[":", ":", " =", ","]) } else { "" };
    format!("{head}{prefix}\"{}{end}", phrase(rng, most))
}

fn rest(rng: &mut Rng, _: &str, candidate: usize) -> String {
    let variable = name(rng);
    if candidate == 0 { format!("{variable}}}{}\"", rng.pick(&["", "", ".", "!"])) } else { format!(" {variable}") }
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let string = lexed.string.ok_or(Reason::NoString)?;
    if string.triple {
        return Err(Reason::TripleQuotes);
    }
    let code = &lexed.code[..string.at];
    let prefix = &code[code.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len()..];
    match prefix.to_ascii_lowercase().as_str() {
        "f" | "fr" | "rf" => {
            let place = string.at - prefix.len() + prefix.find(['f', 'F']).unwrap_or_default();
            Ok(replace_range(text, place, 1, ""))
        }
        "" | "r" if !text[string.at..].contains(['{', '}']) => Ok(replace_range(text, string.at, 0, "f")),
        _ => Err(Reason::NotPython),
    }
}

/// A string with the words of a message. A plain one is an argument of a call or an item of a list, so that a comma can follow it.
fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let string = lexed.string.filter(|s| s.quote == '"' && !s.triple && !s.escape && !s.field)?;
    let content = &text[string.at + 1..];
    if content.is_empty() || content.ends_with([' ', '{', '}']) {
        return None;
    }
    if string.format {
        return Some(0);
    }
    let &(bracket, sign) = lexed.brackets.last()?;
    let fits = sign == '(' || sign == '[' && !lexed.is_subscript(bracket);
    let before = lexed.code[..string.at].trim_end_matches(['r', 'R', ' ', '\n']);
    (fits && before.ends_with(['(', '[', ',', '='])).then_some(1)
}
