//! After a name: `:` after the argument of a lambda, `(self` after the name of a method.
//!
//! The paper's second candidate is `(`. This tokenizer merges `(` with the parameter after it, so the functions are methods and
//! the candidate is `(self`.

use super::templates::*;
use super::lexer::{Lexed, OpenStatement, first_word, is_name, last_word, lex, may_end, outside_brackets, replace_range, tail_of};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, draw_kinds, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "lambda_func",
    title: "Lambda or method",
    sentence: "This model tells a lambda from a method.",
    explanation: "Python makes functions in two ways. After lambda comes the argument and a colon, lambda card: and after def comes a name. In a \
                  class the name is followed by a bracket and the word self, def shuffle(self. The model must look at the word before the name.",
    flip_label: "Flip lambda and def",
    candidates: [":", "(self"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: drill, rest },
    handwritten: handwritten!("lambda_func"),
};

fn generate(rng: &mut Rng) -> Pair {
    let last = method_name(rng);
    let base = if rng.chance(30) { format!("({})", class_name(rng)) } else { String::new() };
    let mut text = format!("class {}{base}:\n", class_name(rng));
    for _ in 0..rng.below(3) {
        text += &format!("    {} = {}\n", name(rng), atom(rng));
    }
    for method in draw_kinds(rng, &[2, 5, 5, 78, 10]) {
        let title = method_name(rng);
        if method {
            let gap = if rng.chance(30) { "\n" } else { "" };
            text += &format!("    def {title}(self):\n        {}\n{gap}", plain_statement(rng));
        } else {
            // Mostly the same variable, so that its name does not reveal the answer.
            let target = if rng.chance(85) { first_letter(&last) } else { first_letter(&title) };
            text += &format!("    {target} = lambda {title}: {}\n", atom_number(rng));
        }
    }
    let lambda = format!("{} = lambda", first_letter(&last));
    pair_of(&format!("{text}    {PLACEHOLDER} {last}"), &lambda, "def")
}

/// Other places of lambdas: as an argument, and with a longer name.
fn drill(rng: &mut Rng) -> Pair {
    let Pair { a, b } = generate(rng);
    let start = a.rfind('\n').map_or(0, |end| end + 1);
    let argument = last_word(&a);
    let lead = match rng.weighted(&[40, 30, 30]) {
        0 => return Pair { a, b },
        1 => format!("{} = lambda", name(rng)),
        _ => format!("{}.sort(key=lambda", plural_name(rng)),
    };
    Pair { a: format!("{}    {lead} {argument}", &a[..start]), b }
}

/// A name for a method or an argument.
fn method_name(rng: &mut Rng) -> String {
    if rng.chance(50) { function_name(rng) } else { name(rng) }
}

fn first_letter(name: &str) -> &str {
    let name = name.trim_start_matches('_');
    name.get(..1).unwrap_or("x")
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    if candidate == 1 { format!("):{}", body(rng, text)) } else { format!(" {}", atom_number(rng)) }
}

/// The arguments of the lambda that the text ends in, if its colon can come next.
fn arguments(code: &str) -> Option<&str> {
    let arguments = tail_of(code, "lambda")?;
    let names = outside_brackets(arguments);
    (!names.contains(':') && (may_end(arguments) || arguments.is_empty()) && !arguments.ends_with(' ')).then_some(arguments)
}

/// The position of the innermost class around the last line. `direct`: only if no other block is between them.
fn class_of(lexed: &Lexed, direct: bool) -> Option<usize> {
    let blocks = lexed.blocks();
    let place = blocks.iter().position(|(_, head)| first_word(head) == "class")?;
    (place == 0 || !direct).then_some(blocks[place].0)
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    if let Some(open) = lexed.open_statement().filter(|open| open.keyword == "def" && is_name(open.rest)) {
        let decorated = lexed.code[..open.at].trim_end().lines().next_back().is_some_and(|line| line.trim_start().starts_with('@'));
        if decorated || !lexed.starts_line(open.at) {
            return Err(Reason::NotPython);
        }
        let lambda = format!("{} = lambda ", first_letter(open.rest));
        return Ok(replace_range(text, open.at, text.len() - open.rest.len() - open.at, &lambda));
    }
    if !lexed.in_code() {
        return Err(Reason::OtherLine);
    }
    let argument = last_word(arguments(&lexed.code).ok_or(Reason::OtherLine)?);
    let class = class_of(&lexed, false).ok_or(Reason::OtherNotRight)?;
    let (at, _) = lexed.last_statement();
    if !is_name(argument) || !lexed.starts_line(at) {
        return Err(Reason::NotPython);
    }
    let indent = |at: usize| at - text[..at].rfind('\n').map_or(0, |end| end + 1);
    let method = format!("def {}", &text[text.len() - argument.len()..]);
    let (outer, inner) = (indent(class), indent(at));
    if class_of(&lexed, true).is_some() {
        return Ok(replace_range(text, at, text.len() - at, &method));
    }
    // The method that the lambda is in ends here.
    let deeper = " ".repeat(inner.min(outer + 4));
    Ok(replace_range(text, at, text.len() - at, &format!("pass\n\n{deeper}{method}")))
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let method = |open: &OpenStatement| open.keyword == "def" && is_name(open.rest);
    match lexed.open_statement().filter(method) {
        Some(open) => {
            let before = lexed.code[..open.at].trim_end().lines().next_back().unwrap_or_default().trim();
            let special = ["@staticmethod", "@classmethod"].contains(&before) || open.rest == "__new__";
            (class_of(&lexed, true).is_some() && !special).then_some(1)
        }
        None if lexed.in_code() => arguments(&lexed.code).map(|_| 0),
        None => None,
    }
}
