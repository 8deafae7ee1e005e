//! Close a flat or a nested list.

use super::templates::*;
use super::lexer::{lex, replace_range};
use super::{Drill, PLACEHOLDER, Pair, Task, dilute, distractor_kinds, layout, nothing, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "bracket_counting",
    title: "Close the list",
    sentence: "This model closes a list.",
    explanation: "A Python list stands in square brackets: [1, 2]. A list of lists has two brackets at its start, [[1, 2], [3, 4]], and \
                  needs two at its end. The model must know how many are still open when the numbers are over.",
    flip_label: "Flip the depth",
    candidates: ["]", "]]"],
    generate,
    counterfactual,
    drill: Drill { weight: 2, draw: drill, rest: nothing },
    handwritten: handwritten!("bracket_counting"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> = distractor_kinds(rng)
        .into_iter()
        .map(|nested| format!("{} = {}", name(rng), closed_list(rng, nested, 3)))
        .collect();
    dilute(rng, &mut lines, 1);
    let lead = match rng.weighted(&[70, 10, 12, 8]) {
        0 => format!("{} = ", name(rng)),
        1 => "return ".into(),
        2 => format!("{}(", function_name(rng)),
        _ => format!("{} += ", name(rng)),
    };
    // Rows closed before the open one (a tuple of lists when flat): then the last opening bracket is the same in both.
    let items = if rng.chance(75) {
        open_flat(rng, 7)
    } else {
        let rows = rng.range(2, 3);
        open_nested(rng, rows, 3)[1..].to_string()
    };
    let inside = rng.chance(40);
    pair_of(&layout(rng, inside, &lines, &format!("{lead}{PLACEHOLDER}{items}")), "", "[")
}

/// A list after other lists in a call or after `return`, as in `f([1], [2, 3])`, looks like a row of a nested one and is rare
/// among the prompts. Small models got it wrong until it was drilled.
fn drill(rng: &mut Rng) -> Pair {
    let mut pair = generate(rng);
    if rng.chance(30) {
        let after_lists =
            |text: &str| text.lines().last().is_some_and(|line| line.contains("], [") && !line.contains('='));
        for _ in 0..24 {
            if after_lists(&pair.a) {
                break;
            }
            pair = generate(rng);
        }
    }
    pair
}

fn counterfactual(text: &str) -> Result<String, String> {
    let open = lex(text);
    if open.string.is_some() {
        return Err("A string is open at the end of this text, so no list can be closed there.".into());
    }
    let squares: Vec<usize> = open.brackets.iter().rev().take_while(|(_, c)| *c == '[').map(|(at, _)| *at).collect();
    match squares[..] {
        [] => Err("No list is open at the end of this text, so there is no depth to flip.".into()),
        [only] => {
            // The lists before it, separated by commas, become rows of the nested list.
            let mut first = only;
            while let Some(before) = text[..first].trim_end().strip_suffix(',').map(str::trim_end)
                && let Some((from, _)) =
                    open.closed.iter().find(|(from, to)| *to + 1 == before.len() && text[*from..].starts_with('['))
            {
                first = *from;
            }
            Ok(replace_range(text, first, 0, "["))
        }
        [.., outermost] => Ok(replace_range(text, outermost, 1, "")),
    }
}
