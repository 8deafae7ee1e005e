//! After a string: `":` in a dict, `",` in a list.

use super::templates::*;
use super::lexer::{lex, replace_range};
use super::{Drill, PLACEHOLDER, Pair, Task, dilute, distractor_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "bracket_brace",
    title: "Dict or list",
    sentence: "This model tells a dict from a list.",
    explanation: "In curly braces a string is a key, and a colon comes after it: {\"name\": 1}. In square brackets it is one of several items, and a \
                  comma comes after it: [\"name\", \"size\"]. The string looks the same in both; the model must look at what it stands in.",
    flip_label: "Flip brace and bracket",
    candidates: ["\":", "\","],
    generate,
    counterfactual,
    drill: Drill { weight: 1, draw: generate, rest },
    handwritten: handwritten!("bracket_brace"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> = distractor_kinds(rng)
        .into_iter()
        .map(|list| {
            let value = if list { string_list(rng, 3) } else { dict(rng, 2) };
            if rng.chance(22) { format!("{}({value})", function_name(rng)) } else { format!("{} = {value}", name(rng)) }
        })
        .collect();
    dilute(rng, &mut lines, 1);
    let lead = match rng.weighted(&[62, 12, 14, 6, 6]) {
        0 => format!("{} = ", name(rng)),
        1 => "return ".into(),
        2 => format!("{}(", function_name(rng)),
        // within another dict or list
        3 => format!("{} = {{\"{}\": ", name(rng), key(rng)),
        _ => format!("{} = [", name(rng)),
    };
    let gap = if rng.chance(15) { "\n    " } else { "" };
    let word = key(rng);
    let inside = rng.chance(40);
    pair_of(&layout(rng, inside, &lines, &format!("{lead}{PLACEHOLDER}{gap}\"{word}")), "{", "[")
}

fn rest(rng: &mut Rng, _: &str, candidate: usize) -> String {
    if candidate == 0 { format!(" {}", atom(rng)) } else { format!(" \"{}\"", key(rng)) }
}

fn counterfactual(text: &str) -> Result<String, String> {
    match lex(text).brackets.last() {
        Some(&(at, '{')) => Ok(replace_range(text, at, 1, "[")),
        Some(&(at, '[')) => Ok(replace_range(text, at, 1, "{")),
        _ => Err("No brace or square bracket is open at the end of this text, so there is nothing to flip.".into()),
    }
}
