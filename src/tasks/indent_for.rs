//! On the line after a `for`: the indentation of its body.
//!
//! The tokenizer joins the last space of a run to the word after it. So the candidates are 3 and 7 spaces, for indentations of 4
//! and 8.

use super::templates::*;
use super::lexer::{Lexed, first_word, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, dilute, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "indent_for",
    title: "Indent the loop",
    sentence: "This model indents the body of a loop.",
    explanation: "In Python spaces at the start of a line say what belongs together. The lines that a loop repeats have four spaces more than the \
                  line with for. So the model must know how far that line is indented. Other loops before it can have another indentation.",
    flip_label: "Flip the indentation",
    candidates: ["   ", "       "],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: generate, rest },
    handwritten: handwritten!("indent_for"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut text = String::new();
    // Mostly loops with both indentations come first.
    let (outer, inner) = (rng.chance(93), rng.chance(94));
    if outer {
        text += &format!("{}\n", closed_for(rng));
    }
    if rng.chance(30) {
        text += &format!("{}\n", plain_statement(rng));
    }
    text += &match rng.weighted(&[55, 25, 20]) {
        0 => {
            let count = rng.below(3);
            format!("def {}({}):\n", function_name(rng), names(rng, count).join(", "))
        }
        1 => format!("if {}:\n", condition(rng)),
        _ => format!("while {}:\n", condition(rng)),
    };
    let mut lines: Vec<String> = if inner { vec![closed_for(rng)] } else { vec![plain_statement(rng)] };
    dilute(rng, &mut lines, 2);
    for line in lines.iter().flat_map(|line| line.lines()) {
        text += &format!("    {line}\n");
    }
    let many = if rng.chance(70) { plural_name(rng) } else { format!("range({})", rng.range(2, 99)) };
    pair_of(&format!("{text}{PLACEHOLDER}for {} in {many}:\n", name(rng)), "", "    ")
}

fn rest(rng: &mut Rng, _: &str, _: usize) -> String {
    format!(" {}", plain_statement(rng))
}

/// For a text that ends in a new line after a head: the position of the head, and its indentation.
fn last_head(text: &str, lexed: &Lexed) -> Option<(usize, usize)> {
    let (at, indent, code) = *lexed.lines().last()?;
    let word = first_word(code.strip_prefix("async ").unwrap_or(code));
    let head = ["for", "while", "if", "with"].contains(&word) && code.ends_with(':');
    let new_line = text.ends_with('\n') && lexed.in_code() && lexed.brackets.is_empty();
    (head && new_line && lexed.code[at..].trim_end_matches([' ', '\n']).len() == code.len()).then_some((at, indent))
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let (at, indent) = last_head(text, &lexed).ok_or(Reason::OtherLine)?;
    let lines = lexed.lines();
    let earlier = &lines[..lines.len() - 1];
    match indent {
        0 => {
            let indented = earlier.last().is_some_and(|(_, indent, _)| *indent > 0);
            // the block that the line can join has lines with the indentation 4
            let joins = indented && earlier.iter().rfind(|(_, indent, _)| *indent <= 4).is_some_and(|(_, indent, _)| *indent == 4);
            Ok(replace_range(text, at, 0, if joins { "    " } else { "if True:\n    " }))
        }
        4 => {
            let blocks = lexed.blocks();
            let block = blocks.first().map(|(_, head)| first_word(head)).unwrap_or_default();
            if block == "try" {
                return Err(Reason::NotPython);
            }
            let empty = earlier.last().is_none_or(|(_, indent, _)| *indent == 0);
            Ok(replace_range(text, at - 4, 4, if empty { "    pass\n" } else { "" }))
        }
        _ => Err(Reason::OtherLine),
    }
}

fn answer(text: &str) -> Option<usize> {
    match last_head(text, &lex(text))?.1 {
        0 => Some(0),
        4 => Some(1),
        _ => None,
    }
}
