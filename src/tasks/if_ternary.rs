//! After the condition of an `if`: `:` if it starts a statement, ` else` inside an expression.

use super::templates::*;
use super::lexer::{Lexed, OpenStatement, has_open_if, has_word, lex, may_end, replace_range, tail_of, takes_ternary};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, dilute, draw_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "if_ternary",
    title: "Two uses of if",
    sentence: "This model tells two uses of if apart.",
    explanation: "A line that starts with if asks a question, and a colon ends it, if ready: but if can also choose between two values within \
                  a line, x = 1 if ready else 2. Then the word else must come. The model must notice what is before the if.",
    flip_label: "Flip the use of if",
    candidates: [":", " else"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 2, draw: generate, rest },
    handwritten: handwritten!("if_ternary"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> = draw_kinds(rng, &[2, 5, 5, 73, 15])
        .into_iter()
        .map(|ternary| if ternary { closed_ternary(rng) } else { closed_if(rng) })
        .collect();
    dilute(rng, &mut lines, 1);
    let inside = rng.chance(55);
    let returns = inside && rng.chance(35);
    let value = match rng.weighted(&[40, 30, 15, 15]) {
        0 => atom_number(rng),
        1 => literal(rng, 2),
        2 => format!("{}({})", function_name(rng), name(rng)),
        _ => format!("{}.{}", name(rng), name(rng)),
    };
    let lead = if returns { "return ".into() } else { format!("{} = ", name(rng)) };
    let last = format!("{lead}{value}{PLACEHOLDER}if {}", condition(rng));
    // A function ends with `return`, so the next line is outside of it.
    let line_end = if inside && !returns { "\n    " } else { "\n" };
    let text = layout(rng, inside, &lines, &last);
    // Another `if` at the start of a line, so that this token does not reveal the answer.
    let text = if returns && rng.chance(90) { format!("{}\n{text}", closed_if(rng)) } else { text };
    pair_of(&text, line_end, " ")
}

fn closed_ternary(rng: &mut Rng) -> String {
    let (target, value, other) = (name(rng), atom(rng), atom(rng));
    format!("{target} = {value} if {} else {other}", condition(rng))
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    if candidate == 0 { body(rng, text) } else { format!(" {}", atom(rng)) }
}

/// The statement and the condition after its last `if`, if that `if` is inside an expression.
fn ternary(open: &OpenStatement) -> bool {
    // `case x if y:` ends with a colon, like the heads of other statements with a body
    !open.rest.starts_with("case ") && has_open_if(open.rest)
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    if lexed.in_bracket().is_some_and(|code| has_open_if(&code)) {
        // The condition alone, in place of the whole statement.
        let (at, _) = lexed.last_statement();
        let condition = tail_of(&lexed.code, "if").ok_or(Reason::OtherLine)?;
        return match lexed.starts_line(at) {
            true => Ok(replace_range(text, at, text.len() - condition.len() - at, "if")),
            false => Err(Reason::NotPython),
        };
    }
    let open = lexed.open_statement().ok_or(Reason::OtherLine)?;
    if ternary(&open) {
        return statement_if(text, &lexed, &open);
    }
    match open.keyword {
        "if" | "elif" if lexed.starts_line(open.at) => Ok(ternary_if(text, &lexed, &open)),
        "if" | "elif" => Err(Reason::NotPython),
        _ => Err(Reason::OtherLine),
    }
}

/// `x = 1 if ready` becomes two statements.
fn statement_if(text: &str, lexed: &Lexed, open: &OpenStatement) -> Result<String, Reason> {
    let start = text.len() - tail_of(&lexed.code, "if").ok_or(Reason::OtherLine)?.len() - "if".len();
    if !lexed.starts_line(open.at) {
        return Err(Reason::NotPython);
    }
    if !["", "return"].contains(&open.keyword) || has_word(open.rest, "lambda") {
        return Ok(replace_range(text, open.at, start - open.at, ""));
    }
    let line = text[..open.at].rfind('\n').map_or(0, |end| end + 1);
    let indent = &text[line..open.at];
    // After `return` the block ends.
    let indent = if open.keyword == "return" { indent.strip_prefix("    ").unwrap_or(indent) } else { indent };
    let value = lexed.code[..start].trim_end().len();
    Ok(replace_range(text, value, start - value, &format!("\n{indent}")))
}

/// Joins the `if` to the statement before it, if that ends in a value. Otherwise adds a new statement before it.
fn ternary_if(text: &str, lexed: &Lexed, open: &OpenStatement) -> String {
    let before = lexed.code[..open.at].trim_end();
    let earlier = lex(&text[..before.len()]);
    let joins = earlier.open_statement().is_some_and(|earlier| takes_ternary(&earlier));
    // a comment ends the statement
    let blank = text[before.len()..open.at].trim().is_empty();
    if open.keyword == "if" && joins && blank {
        return replace_range(text, before.len(), open.at - before.len(), " ");
    }
    replace_range(text, open.at, open.keyword.len(), "x = 1 if")
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    if let Some(code) = lexed.in_bracket() {
        return has_open_if(&code).then_some(1);
    }
    let open = lexed.open_statement()?;
    match open.keyword {
        _ if ternary(&open) => Some(1),
        "if" | "elif" if may_end(open.rest) => Some(0),
        _ => None,
    }
}
