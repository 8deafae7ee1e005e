//! After the ` in` of a loop: ` enumerate` for two variables, ` range` for one.

use super::templates::*;
use super::lexer::{has_word, is_name, lex, outside_brackets, tail_of};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, body, dilute, draw_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "enumerate_range",
    title: "One variable or two",
    sentence: "This model counts a loop's variables.",
    explanation: "A loop with one variable often counts, for i in range(10). With two variables it counts and takes the items at the same time, \
                  for i, name in enumerate(names). The model must notice whether there is a second variable before the word in.",
    flip_label: "Flip one variable and two",
    candidates: [" enumerate", " range"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: generate, rest },
    handwritten: handwritten!("enumerate_range"),
};

fn generate(rng: &mut Rng) -> Pair {
    let first = counter(rng);
    let (second, joined) = if rng.chance(50) { (loop_name(rng), true) } else { (added(&first).into(), false) };
    let mut lines: Vec<String> = draw_kinds(rng, &[2, 5, 5, 73, 15])
        .into_iter()
        .map(|range| {
            let head = if range {
                let end = if rng.chance(50) { number_of_times(rng) } else { format!("len({})", plural_name(rng)) };
                let joined = if joined && rng.chance(80) { format!("_{second}") } else { String::new() };
                format!("for {}{joined} in range({end}):", counter(rng))
            } else {
                // Mostly the same name, so that its tokens do not reveal the answer.
                let item = if rng.chance(80) { second.clone() } else { loop_name(rng) };
                format!("for {}, {item} in enumerate({}):", counter(rng), plural_name(rng))
            };
            format!("{head}\n    {}", plain_statement(rng))
        })
        .collect();
    dilute(rng, &mut lines, 1);
    let inside = rng.chance(50);
    let (comma, none) = if joined { (", ".into(), "_") } else { (format!(", {second}"), "") };
    let last = format!("for {first}{PLACEHOLDER}{} in", if joined { &second } else { "" });
    pair_of(&layout(rng, inside, &lines, &last), &comma, none)
}

/// The name of a counter, without `_`.
fn counter(rng: &mut Rng) -> String {
    rng.pick(&["i", "i", "i", "j", "k", "n", "index", "row", "count", "number", "line", "step", "pos"]).into()
}

/// The name of an item, without `_`.
fn loop_name(rng: &mut Rng) -> String {
    loop {
        let name = name(rng);
        if !name.contains('_') && name != "x" {
            return name;
        }
    }
}

fn number_of_times(rng: &mut Rng) -> String {
    rng.range(2, 100).to_string()
}

fn rest(rng: &mut Rng, text: &str, candidate: usize) -> String {
    let items = plural_name(rng);
    let arguments = match candidate {
        0 => items,
        _ if rng.chance(60) => number_of_times(rng),
        _ => format!("len({items})"),
    };
    format!("({arguments}):{}", body(rng, text))
}

/// The second variable that the counterfactual gives a loop with one.
fn added(first: &str) -> &'static str {
    if first == "x" { "y" } else { "x" }
}

/// For a text that ends in a loop's ` in`: the position of the loop's variables, and their code.
fn variables(code: &str) -> Option<(usize, &str)> {
    let names = tail_of(code.strip_suffix(" in")?, "for")?;
    let at = code.len() - " in".len() - names.len();
    let spaces = names.len() - names.trim_start().len();
    let only_names = !has_word(names, "in") && !names.contains([':', '=', '\n']);
    (spaces > 0 && only_names).then(|| (at + spaces, names.trim_start()))
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    if !lexed.in_code() {
        return Err(Reason::OtherLine);
    }
    let (at, _) = variables(&lexed.code).ok_or(Reason::OtherLine)?;
    let names = &text[at..text.len() - " in".len()];
    let changed = match names.split_once(',') {
        Some((first, second)) => {
            let (first, second) = (first.trim_end(), second.trim_start());
            let joins = is_name(second) && !second.contains('.') && !second.starts_with('_') && second != added(first);
            if joins { format!("{first}_{second}") } else { first.into() }
        }
        None => match names.split_once('_').filter(|(first, second)| is_name(first) && is_name(second)) {
            Some((first, second)) => format!("{first}, {second}"),
            None => format!("{names}, {}", added(names)),
        },
    };
    Ok(format!("{}{changed} in", &text[..at]))
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let (_, names) = variables(&lexed.code).filter(|_| lexed.in_code())?;
    let shown = outside_brackets(names);
    match shown.split(',').map(str::trim).collect::<Vec<_>>()[..] {
        [one] => is_name(one).then_some(1),
        // the second can be a pair: `i, (x, y)`
        [first, second] => (is_name(first) && (is_name(second) || second.starts_with('('))).then_some(0),
        _ => None,
    }
}
