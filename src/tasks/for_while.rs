//! After a loop's first name: ` in` in a `for` loop, `:` in a `while` loop.

use super::templates::*;
use super::lexer::{Lexed, is_name, lex, may_end, outside_brackets};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, dilute, draw_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "for_while",
    title: "For or while",
    sentence: "This model tells the two kinds of loops apart.",
    explanation: "Python has two kinds of loops. A for loop takes one item after another, for card in deck: and a while loop repeats as long as \
                  a condition holds, while running: so after the first name comes in, or a colon. The model must look back at the word that \
                  starts the line.",
    flip_label: "Flip the kind of loop",
    candidates: [" in", ":"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: generate, rest },
    handwritten: handwritten!("for_while"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> = draw_kinds(rng, &[2, 5, 5, 73, 15])
        .into_iter()
        .map(|repeats| if repeats { closed_while(rng) } else { closed_for(rng) })
        .collect();
    dilute(rng, &mut lines, 1);
    let inside = rng.chance(50);
    let last = format!("{PLACEHOLDER} {}", name(rng));
    pair_of(&layout(rng, inside, &lines, &last), "for", "while")
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    if candidate == 1 {
        return body(rng, text);
    }
    format!(" {}:{}", plural_name(rng), body(rng, text))
}

/// The names after the last `for` of the code, if they end it: `x` or `x, y`.
fn targets(code: &str) -> Option<&str> {
    let names = &code[code.rfind("for ")? + 4..];
    names.split(',').all(|name| is_name(name.trim_start())).then_some(names)
}

/// The code directly in the innermost bracket, if it is a comprehension.
fn comprehension(lexed: &Lexed) -> Option<String> {
    let code = lexed.in_bracket()?;
    let start = code.rfind("for ")?;
    let is_word = code[..start].ends_with(|c: char| c.is_ascii_whitespace());
    is_word.then_some(code)
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    if comprehension(&lexed).is_some() {
        return Err(Reason::NotPython);
    }
    let open = lexed.open_statement().ok_or(Reason::OtherLine)?;
    let (word, name) = match open.keyword {
        "for" => ("while", Some(open.rest).filter(|rest| is_name(rest))),
        // the last name of a longer condition, and what is after it
        "while" => ("for", open.rest.rmatch_indices(' ').map(|(space, _)| &open.rest[space + 1..]).chain([open.rest]).find(|rest| is_name(first_part(rest)))),
        _ => return Err(Reason::OtherLine),
    };
    let name = name.filter(|_| lexed.starts_line(open.at)).ok_or(Reason::NotPython)?;
    let at = text.len() - name.len();
    Ok(format!("{}{word} {}", &text[..open.at], &text[at..at + first_part(name).len()]))
}

/// The code up to its first space.
fn first_part(code: &str) -> &str {
    code.split(' ').next().unwrap_or_default()
}

/// The names of a `for` need ` in`; a condition that may end needs `:`.
fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    if let Some(code) = comprehension(&lexed) {
        return targets(&code).map(|_| 0);
    }
    let open = lexed.open_statement()?;
    match open.keyword {
        "for" => open.rest.split(',').all(|name| is_name(name.trim_start())).then_some(0),
        "while" => (may_end(open.rest) && !outside_brackets(open.rest).contains(',')).then_some(1),
        _ => None,
    }
}
