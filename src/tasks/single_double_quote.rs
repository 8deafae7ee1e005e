//! Close a string opened by `('` or `("`.

use super::templates::*;
use super::lexer::{lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, dilute, distractor_kinds, layout, nothing, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "single_double_quote",
    title: "Close the quote",
    sentence: "This model closes a quote.",
    explanation: "In Python a string starts and ends with the same kind of quote, 'like this' or \"like this\". At the end the model must \
                  write the kind that opened the string, however far back that was and whatever other quotes came before.",
    flip_label: "Flip the quote",
    candidates: ["')", "\")"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 1, draw: generate, rest: nothing },
    handwritten: handwritten!("single_double_quote"),
};

fn generate(rng: &mut Rng) -> Pair {
    let mut lines: Vec<String> =
        distractor_kinds(rng).into_iter().map(|double| closed_call(rng, if double { '"' } else { '\'' }, 4)).collect();
    // Strings outside of calls.
    if rng.chance(25) {
        let mark = quote(rng);
        let line = if rng.chance(60) {
            format!("{} = {mark}{}{mark}", name(rng), phrase(rng, 4))
        } else {
            format!("{} = {}", name(rng), string_list(rng, 3))
        };
        lines.insert(rng.below(lines.len() + 1), line);
    }
    dilute(rng, &mut lines, 1);
    // The placeholder takes the quote's place, so the template does not know about it.
    let mut last = open_call(rng, '\u{1}', 12);
    if rng.chance(12) {
        last.push_str(rng.pick(&["!", ".", "?"]));
    }
    debug_assert!(last.contains(PLACEHOLDER));
    let inside = rng.chance(40);
    pair_of(&layout(rng, inside, &lines, &last), "'", "\"")
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let string = lex(text).string.ok_or(Reason::NoString)?;
    if string.triple {
        return Err(Reason::TripleQuotes);
    }
    let quote = other_quote(string.quote);
    if holds(&text[string.at + 1..], quote) {
        return Err(Reason::HoldsQuote { quote });
    }
    Ok(replace_range(text, string.at, 1, &quote.to_string()))
}

/// Whether a string's content has a quote that no backslash escapes.
fn holds(content: &str, quote: char) -> bool {
    let mut escaped = false;
    content.chars().any(|c| {
        let found = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        found
    })
}

/// The kind of quote that opened the string.
fn answer(text: &str) -> Option<usize> {
    let string = lex(text).string?;
    let closes = !string.triple && !string.escape && !string.field;
    closes.then_some(usize::from(string.quote == '"'))
}
