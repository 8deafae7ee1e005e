//! After a function's last parameter: `=` when an earlier one has a default, `):` when none has.
//!
//! The paper's first candidate is `=None`. This tokenizer has no such token, so here it is the sign alone.

use super::templates::*;
use super::lexer::{Lexed, is_name, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, both_kinds, dilute, pair_of};
use crate::random::Rng;
use std::ops::Range;

pub const TASK: Task = Task {
    name: "final_kwarg",
    title: "Default or not",
    sentence: "This model knows when a parameter needs a default.",
    explanation: "A parameter of a function can have a default, as size has in def area(shape, size=0). All parameters after it must then have one \
                  too. The model must see whether an earlier parameter of this function has a default. Defaults of other functions do not count.",
    flip_label: "Flip default and type",
    candidates: ["=", "):"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 3, draw: generate, rest },
    handwritten: handwritten!("final_kwarg"),
};

/// Defaults, each with the type that takes its place.
const DEFAULTS: &[[&str; 2]] = &[["=0", ": int"], ["=\"\"", ": str"]];

fn generate(rng: &mut Rng) -> Pair {
    let signs = DEFAULTS[rng.below(DEFAULTS.len())];
    let method = rng.chance(40);
    let mut lines: Vec<String> = both_kinds(rng)
        .into_iter()
        .map(|typed| {
            let open = opening(rng, method, signs[usize::from(typed)]);
            let end = if typed { "" } else { rng.pick(&["=None", "=None", "=0", "=1", "=\"\""]) };
            let body = if rng.chance(50) { "pass".into() } else { format!("return {}", name(rng)) };
            format!("{open}{end}):\n    {body}")
        })
        .collect();
    if !method {
        dilute(rng, &mut lines, 1);
    }
    lines.push(opening(rng, method, PLACEHOLDER));
    let text = lines.join("\n");
    let text = if method { format!("class {}:\n    {}", class_name(rng), text.replace('\n', "\n    ")) } else { text };
    pair_of(&text, signs[0], signs[1])
}

/// The head of a function as far as its last parameter. `sign` follows the parameter before that.
fn opening(rng: &mut Rng, method: bool, sign: &str) -> String {
    let count = if rng.chance(65) { 2 } else { 3 };
    let mut parameters = names(rng, count);
    parameters[count - 2].push_str(sign);
    if method {
        parameters.insert(0, "self".into());
    }
    format!("def {}({}", function_name(rng), parameters.join(", "))
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    let line = text.lines().last().unwrap_or_default();
    let indent = " ".repeat(line.len() - line.trim_start().len() + 4);
    let end = if candidate == 0 { rng.pick(&["None):", "None):", "0):", "1):", "\"\"):"]) } else { "" };
    format!("{end}\n{indent}return {}", name(rng))
}

/// The parameters of the function head that ends the text, each with its position. The last one is a bare name.
fn parameters<'a>(lexed: &'a Lexed, text: &'a str) -> Result<Vec<(Range<usize>, &'a str)>, Reason> {
    if lexed.string.is_some() {
        return Err(Reason::InString);
    }
    if lexed.comment {
        return Err(Reason::InComment);
    }
    let &(open, _) = lexed.brackets.last().filter(|(_, c)| *c == '(').ok_or(Reason::OtherLine)?;
    let (start, _) = lexed.last_statement();
    let head = lexed.code[start..].strip_prefix("async ").unwrap_or(&lexed.code[start..]);
    let name = head.strip_prefix("def ").and_then(|rest| rest.split('(').next()).ok_or(Reason::OtherLine)?;
    if text.len() - head.len() + "def ".len() + name.len() != open {
        return Err(Reason::OtherLine);
    }
    let parameters: Vec<_> = lexed.items_in(open).into_iter().map(|range| (range.clone(), &text[range])).collect();
    let last = &text[parameters.last().map_or(0, |(range, _)| range.start)..];
    if is_name(last) && !last.contains('.') { Ok(parameters) } else { Err(Reason::OtherLine) }
}

/// The position of the `=` before a parameter's default, outside of brackets.
fn default_at(lexed: &Lexed, range: &Range<usize>) -> Option<usize> {
    let &(open, _) = lexed.brackets.last()?;
    lexed.directly_in(open).into_iter().find(|(at, c)| range.contains(at) && *c == '=').map(|(at, _)| at)
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let parameters = parameters(&lexed, text)?;
    let [earlier @ .., _] = &parameters[..] else { return Err(Reason::OtherLine) };
    let other = |parameter: &str, from: usize| {
        DEFAULTS.iter().find_map(|signs| {
            let name = parameter.strip_suffix(signs[from]).filter(|name| is_name(name))?;
            Some(format!("{name}{}", signs[1 - from]))
        })
    };
    if earlier.iter().any(|(range, _)| default_at(&lexed, range).is_some()) {
        let without = |text: String, (range, parameter): &(Range<usize>, &str)| {
            let Some(at) = default_at(&lexed, range) else { return text };
            let plain = || parameter[..at - range.start].trim_end().to_string();
            replace_range(&text, range.start, range.len(), &other(parameter, 0).unwrap_or_else(plain))
        };
        return Ok(earlier.iter().rev().fold(text.into(), without));
    }
    let (range, parameter) = earlier.last().ok_or(Reason::OtherLine)?;
    let name = parameter.split(':').next().unwrap_or_default().trim_end();
    if !is_name(name) || ["self", "cls"].contains(&name) {
        return Err(Reason::OtherLine);
    }
    let plain = || format!("{parameter}{}", if parameter.contains(':') { " = None" } else { "=None" });
    Ok(replace_range(text, range.start, range.len(), &other(parameter, 1).unwrap_or_else(plain)))
}

/// After `*`, a parameter without a default can follow one with a default.
fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let parameters = parameters(&lexed, text).ok()?;
    let [earlier @ .., _] = &parameters[..] else { return None };
    let keywords = earlier.iter().any(|(_, parameter)| parameter.starts_with('*'));
    let default = earlier.iter().any(|(range, _)| default_at(&lexed, range).is_some());
    (!keywords).then_some(usize::from(!default))
}
