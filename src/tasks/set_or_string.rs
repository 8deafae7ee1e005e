//! After a variable of any name, set to `set()` or `""`: grow it by `.add` or by ` +=`.

use super::templates::name;
use super::lexer::words;
use super::set_or_string_fixedvarname::{answer, counterfactual, pair_about, rest};
use super::{Drill, Pair, Rule, Task};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "set_or_string",
    title: "Set or string, any name",
    sentence: "This model remembers what a variable of any name holds.",
    explanation: "A variable starts as an empty set or as an empty string. Later lines add to it: a set grows with .add, a string grows with +=. \
                  Here the variable can have any name, so the model must first find the line that sets this name, and then what it sets it to.",
    flip_label: "Flip set and string",
    candidates: [".add", " +="],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 6, draw: generate, rest },
    handwritten: handwritten!("set_or_string"),
};

/// Draws again if another line uses the variable's name: only one line may define it.
fn generate(rng: &mut Rng) -> Pair {
    loop {
        let variable = name(rng);
        let pair = pair_about(rng, &variable);
        if words(&pair.a).filter(|word| *word == variable).count() == 2 {
            return pair;
        }
    }
}
