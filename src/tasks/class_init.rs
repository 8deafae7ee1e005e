//! After `self.x =` in `__init__`: the parameter of that name. The candidates are two parameters of the text's own.

use super::templates::*;
use super::lexer::{Lexed, is_name, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, nothing, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "class_init",
    title: "Store a parameter",
    sentence: "This model stores each parameter under its own name.",
    explanation: "A class keeps what it gets when it is created: in __init__, self.name = name stores the parameter name. There are several \
                  parameters. After self.name = the model must copy the name that is just before, and not another parameter of the list.",
    flip_label: "Flip the attribute",
    candidates: [" name", " value"],
    generate,
    rule: Rule { counterfactual, answer, candidates: Some(candidates) },
    drill: Drill { weight: 8, draw: generate, rest: nothing },
    handwritten: handwritten!("class_init"),
};

/// Names that are one token after a space.
const NAMES: &[&str] = &[
    "name", "value", "data", "count", "item", "key", "index", "path", "node", "text", "line", "user", "total", "label",
    "title", "size", "score", "width", "page", "row", "word", "mode", "type", "file",
];

fn generate(rng: &mut Rng) -> Pair {
    let mut parameters = NAMES.to_vec();
    rng.shuffle(&mut parameters);
    let count = rng.range(2, 5);
    parameters.truncate(count);
    // The candidates are the first parameter and the second, or the third and the fourth.
    let first = if count > 3 && rng.chance(40) { 2 } else { 0 };
    let asked = [parameters[first], parameters[first + 1]];
    let mut lines = vec![format!("class {}:", class_name(rng))];
    let head = |parameters: &[&str]| format!("    def __init__(self, {}):", parameters.join(", "));
    let store = |name: &str| format!("        self.{name} = {name}");
    // Another class stores both.
    if rng.chance(35) {
        let mut others = asked.to_vec();
        rng.shuffle(&mut others);
        lines.push(head(&others));
        lines.extend(others.iter().map(|name| store(name)));
        lines.push(format!("\nclass {}:", class_name(rng)));
    }
    lines.push(head(&parameters));
    let mut others: Vec<&str> = parameters.iter().copied().filter(|name| !asked.contains(name)).collect();
    rng.shuffle(&mut others);
    let stored = rng.below(others.len() + 1);
    lines.extend(others[..stored].iter().map(|name| store(name)));
    if rng.chance(30) {
        lines.push(format!("        self.{} = {}", plural_name(rng), rng.pick(&["[]", "{}", "0", "None", "set()"])));
    }
    lines.push(format!("        self.{PLACEHOLDER} ="));
    pair_of(&lines.join("\n"), asked[0], asked[1])
}

/// What the last line of a text stores.
struct Stored<'a> {
    /// The range of the attribute's name, without the underscores before it.
    at: usize,
    name: &'a str,
    /// The parameters of `__init__`, without `self`.
    parameters: Vec<&'a str>,
}

fn stored<'a>(lexed: &'a Lexed, text: &'a str) -> Result<Stored<'a>, Reason> {
    let (at, statement) = lexed.last_statement();
    let attribute = statement.strip_prefix("self.").and_then(|rest| rest.strip_suffix('=')).map(str::trim_end);
    let attribute = attribute.filter(|name| lexed.in_code() && is_name(name) && !name.contains('.'));
    let name = attribute.ok_or(Reason::OtherLine)?.trim_start_matches('_');
    let function = lexed.function_name().filter(|range| &text[range.clone()] == "__init__").ok_or(Reason::OtherLine)?;
    let open = lexed.closed.iter().map(|(from, _)| *from).find(|from| *from == function.end).ok_or(Reason::OtherLine)?;
    let names = lexed.items_in(open).into_iter().map(|item| {
        let name = text[item].trim_start_matches('*').split([':', '=']).next().unwrap_or_default();
        name.trim_end()
    });
    let parameters = names.filter(|name| is_name(name)).skip(1).collect();
    Ok(Stored { at: at + statement[..statement.find(name).unwrap_or_default()].len(), name, parameters })
}

impl Stored<'_> {
    /// The parameter of the attribute's name and the one that it is compared with, by their places: the first with the second, the
    /// third with the fourth, and so on; a last one that is left over with the first. `None` where no parameter has the name.
    fn places(&self) -> Option<(usize, usize)> {
        let place = self.parameters.iter().position(|name| *name == self.name)?;
        let other = if (place ^ 1) < self.parameters.len() { place ^ 1 } else { 0 };
        (place != other).then_some((place, other))
    }
}

/// In the order of the parameters.
fn candidates(text: &str) -> Option<[String; 2]> {
    let lexed = lex(text);
    let stored = stored(&lexed, text).ok()?;
    let (place, other) = stored.places()?;
    Some([place.min(other), place.max(other)].map(|place| format!(" {}", stored.parameters[place])))
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    let stored = stored(&lexed, text)?;
    let (_, other) = stored.places().ok_or(Reason::NoClue)?;
    Ok(replace_range(text, stored.at, stored.name.len(), stored.parameters[other]))
}

fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let (place, other) = stored(&lexed, text).ok()?.places()?;
    Some(usize::from(place > other))
}
