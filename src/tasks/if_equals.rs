//! After a name: ` ==` in a condition, ` =` in an assignment.

use super::templates::*;
use super::lexer::{Lexed, is_name, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, dilute, distractor_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "if_equals",
    title: "Compare or assign",
    sentence: "This model tells a question from a command.",
    explanation: "In Python x = 3 is a command: let x be 3. After the word if comes a question, written with two signs: if x == 3. The model must \
                  notice whether its last line starts with if. An earlier line with if does not count.",
    flip_label: "Flip condition and assignment",
    candidates: [" ==", " ="],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
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
    // The last line is always indented. A name at the start of a line has no space before it, and that token would reveal the answer.
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
    format!(" {}:{}", atom(rng), body(rng, text))
}

/// Of the last line: where it starts, the word of its condition with the space after it (empty for a plain line), and the rest.
/// `None` where a string, a comment or a bracket is open.
fn last_line(lexed: &Lexed) -> Option<(usize, &str, &str)> {
    let (at, line) = lexed.last_statement();
    let word = ["if ", "elif ", "while "].into_iter().find(|word| line.starts_with(word)).unwrap_or("");
    let line = (lexed.in_code() && lexed.brackets.is_empty()).then_some(line)?;
    Some((at, word, &line[word.len()..]))
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    match last_line(&lexed).filter(|(.., rest)| is_primary(rest)) {
        Some((at, "", _)) => Ok(replace_range(text, at, 0, "if ")),
        Some((at, word, _)) => Ok(replace_range(text, at, word.len(), "")),
        None => Err(Reason::NotName),
    }
}

/// A name with calls and subscripts after it: `x`, `self.items`, `rows[0]`, `len(x)`.
fn is_primary(code: &str) -> bool {
    let name = &code[..code.find(['(', '[']).unwrap_or(code.len())];
    let lexed = lex(code);
    let mut rest = &code[name.len()..];
    while let Some((_, to)) = lexed.closed.iter().find(|(from, _)| *from == code.len() - rest.len()) {
        rest = &code[to + 1..];
    }
    is_name(name) && rest.strip_prefix('.').map_or(rest.is_empty(), is_primary)
}

/// A condition compares what it starts with; in a line of its own, a name or a subscript is assigned to.
fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let (_, word, rest) = last_line(&lexed).filter(|(.., rest)| is_primary(rest))?;
    match word {
        "" => (!rest.ends_with(')')).then_some(1),
        _ => Some(0),
    }
}
