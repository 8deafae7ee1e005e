//! After a variable `current` set to `set()` or `""`: grow it by `.add` or by ` +=`.

use super::templates::*;
use super::lexer::replace_range;
use super::{Drill, PLACEHOLDER, Pair, Task, dilute, draw_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "set_or_string_fixedvarname",
    title: "Set or string",
    sentence: "This model remembers what a variable holds.",
    explanation: "A variable called current starts as an empty set or as an empty string. Later lines put something into it: a set grows with \
                  .add, a string grows with +=. The model must look back at how current began, and not mix it up with other variables.",
    flip_label: "Flip set and string",
    candidates: [".add", " +="],
    generate,
    counterfactual,
    drill: Drill { weight: 4, draw: generate, rest },
    handwritten: handwritten!("set_or_string_fixedvarname"),
};

/// Drawn again when a distractor is called `current` by chance: only one line may say what it holds.
fn generate(rng: &mut Rng) -> Pair {
    loop {
        let pair = draw(rng);
        if pair.a.matches("current").count() == 2 {
            return pair;
        }
    }
}

fn draw(rng: &mut Rng) -> Pair {
    // A tie (one other, of the other kind) is told by the binding of name and value alone: kept rare, it is much the hardest case.
    let kinds = draw_kinds(rng, &[10, 5, 5, 75, 5]);
    let others = names(rng, kinds.len());
    let mut lines: Vec<String> = kinds
        .iter()
        .zip(&others)
        .map(|(&text, other)| format!("{other} = {}", if text { "\"\"" } else { "set()" }))
        .collect();
    lines.insert(rng.below(lines.len() + 1), format!("current = {PLACEHOLDER}"));
    dilute(rng, &mut lines, 1);
    let item = name(rng);
    let mut depth = 0;
    let opening = match rng.weighted(&[60, 10, 10, 20]) {
        0 => Some(format!("for {item} in {}:", plural_name(rng))),
        1 => Some("while True:".into()),
        2 => Some(format!("while {item}:")),
        _ => None,
    };
    let condition = if rng.chance(30) { Some(format!("if {}:", name(rng))) } else { None };
    for line in [opening, condition].into_iter().flatten() {
        lines.push(format!("{}{line}", "    ".repeat(depth)));
        depth += 1;
    }
    // The others grow first at times, each in its own way.
    for (text, other) in kinds.into_iter().zip(&others) {
        if rng.chance(25) {
            let line = if text { format!("{other} += {item}") } else { format!("{other}.add({item})") };
            lines.push(format!("{}{line}", "    ".repeat(depth)));
        }
    }
    let last = format!("{}current", "    ".repeat(depth));
    let inside = rng.chance(40);
    pair_of(&layout(rng, inside, &lines, &last), "set()", "\"\"")
}

fn rest(rng: &mut Rng, _: &str, candidate: usize) -> String {
    if candidate == 0 { format!("({})", name(rng)) } else { format!(" {}", atom(rng)) }
}

const SET: &str = "set()";

fn counterfactual(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let variable =
        &text[text.rfind(|c| !is_name(c)).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8))..];
    if variable.is_empty() {
        return Err("The text must end with a variable's name, such as current.".into());
    }
    // The latest line `variable = set()` or `variable = ""`.
    let mut found = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.trim_start().strip_prefix(variable)
            && let Some(value) = rest.trim_start().strip_prefix('=').map(str::trim)
            && (value == SET || value == "\"\"" || value == "''")
        {
            let at = start + line.rfind(value).unwrap_or(0);
            found = Some((at, value.len(), if value == SET { "\"\"" } else { SET }));
        }
        start += line.len();
    }
    match found {
        Some((at, length, with)) => Ok(replace_range(text, at, length, with)),
        None => Err(format!("No line sets {variable} to set() or to \"\", so there is nothing to flip.")),
    }
}
