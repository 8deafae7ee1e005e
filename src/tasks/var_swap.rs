//! After `x, y =`: the name that comes first in `x, y = y, x`. The candidates are the two names of the text's own.

use super::templates::*;
use super::lexer::{Lexed, has_word, is_name, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, both_kinds, dilute, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "var_swap",
    title: "Swap two variables",
    sentence: "This model swaps two variables.",
    explanation: "Python swaps two variables in one line: x, y = y, x. The names on the right are those on the left in the other order. After the sign \
                  the model must write the second name of the left side, whatever the order was in earlier lines.",
    flip_label: "Flip the order",
    candidates: [" x", " y"],
    generate,
    rule: Rule { counterfactual, answer, candidates: Some(candidates) },
    drill: Drill { weight: 8, draw: generate, rest },
    handwritten: handwritten!("var_swap"),
};

/// Names that are one token after a space.
const NAMES: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "m", "n", "p", "r", "s", "t", "u", "v", "w", "x", "y", "z"];

fn generate(rng: &mut Rng) -> Pair {
    let mut pair = match rng.weighted(&[20, 15, 15, 50]) {
        0 => ["x", "y"],
        1 => ["a", "b"],
        2 => ["i", "j"],
        _ => loop {
            let names = [rng.pick(NAMES), rng.pick(NAMES)];
            if names[0] != names[1] {
                break names;
            }
        },
    };
    pair.sort_unstable();
    let [a, b] = pair;
    let order = |second: bool| if second { (b, a) } else { (a, b) };
    // Both are set before.
    let mut lines = vec![format!("{a} = {}", atom_number(rng)), format!("{b} = {}", atom_number(rng))];
    rng.shuffle(&mut lines);
    for second in both_kinds(rng) {
        let (left, right) = order(second);
        let line = match rng.weighted(&[50, 30, 20]) {
            0 => format!("{left}, {right} = {right}, {left}"),
            1 => format!("print({left}, {right})"),
            _ => format!("{left}, {right} = {}, {}", number(rng), number(rng)),
        };
        lines.push(line);
    }
    dilute(rng, &mut lines, 1);
    let mut last = format!("{PLACEHOLDER} =");
    if rng.chance(40) {
        let (left, right) = order(rng.chance(50));
        lines.push(format!("{} {left} {} {right}:", rng.pick(&["if", "while"]), rng.pick(&["<", ">", "!="])));
        last.insert_str(0, "    ");
    }
    let inside = rng.chance(40);
    // The right side starts with the second name of the left side.
    pair_of(&layout(rng, inside, &lines, &last), &format!("{b}, {a}"), &format!("{a}, {b}"))
}

fn rest(_: &mut Rng, text: &str, _: usize) -> String {
    let target = text.lines().last().and_then(|line| line.trim_start().split(',').next()).unwrap_or_default();
    format!(", {target}")
}

/// The assignment that ends the text: its position, the two names on its left side, and the text of its right side so far.
struct Swap<'a> {
    at: usize,
    names: [&'a str; 2],
    right: &'a str,
}

fn swap<'a>(lexed: &'a Lexed, text: &str) -> Result<Swap<'a>, Reason> {
    let (at, statement) = lexed.last_statement();
    let swap = statement.split_once('=').and_then(|(left, right)| {
        let (first, second) = left.split_once(',')?;
        Some(Swap { at, names: [first.trim(), second.trim()], right: right.trim() })
    });
    let known = |name: &str| is_name(name) && !name.contains('.') && has_word(&lexed.code[..at], name);
    let fits = |Swap { names: [first, second], right, .. }: &Swap| {
        let second_written = right.strip_suffix(',').is_some_and(|name| name == *second);
        known(first) && known(second) && first != second && (right.is_empty() || second_written)
    };
    let ends = lexed.in_code() && lexed.brackets.is_empty() && !lexed.code.ends_with(char::is_whitespace);
    // The lexed code has placeholders for letters outside ASCII, so the names in it are not the text's.
    let ends = ends && text.ends_with(statement);
    swap.filter(|swap| ends && fits(swap)).ok_or(Reason::OtherLine)
}

/// In the order of the alphabet.
fn candidates(text: &str) -> Option<[String; 2]> {
    let lexed = lex(text);
    let mut names = swap(&lexed, text).ok()?.names;
    names.sort_unstable();
    Some(names.map(|name| format!(" {name}")))
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let Swap { at, names: [first, second], right } = swap(&lexed, text)?;
    let right = if right.is_empty() { String::new() } else { format!(" {first},") };
    Ok(replace_range(text, at, text.len() - at, &format!("{second}, {first} ={right}")))
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let Swap { names: [first, second], right, .. } = swap(&lexed, text).ok()?;
    let (next, other) = if right.is_empty() { (second, first) } else { (first, second) };
    Some(usize::from(next > other))
}
