//! After a variable `current` set to `set()` or `""`: grow it by `.add` or by ` +=`.

use super::templates::*;
use super::lexer::{assignment_sign, is_name, lex, outside_brackets, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, dilute, draw_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "set_or_string_fixedvarname",
    title: "Set or string",
    sentence: "This model remembers what a variable holds.",
    explanation: "A variable called current starts as an empty set or as an empty string. Later lines add to it: a set grows with \
                  .add, a string grows with +=. The model must look back at how current started, and must not confuse it with other variables.",
    flip_label: "Flip set and string",
    candidates: [".add", " +="],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 2, draw: generate, rest },
    handwritten: handwritten!("set_or_string_fixedvarname"),
};

/// Drawn again when a distractor is called `current` by chance: only one line may say what it holds.
fn generate(rng: &mut Rng) -> Pair {
    loop {
        let pair = pair_about(rng, "current");
        if pair.a.matches("current").count() == 2 {
            return pair;
        }
    }
}

/// Two prompts that end in `variable`, which holds an empty set in the first and an empty string in the second.
pub(super) fn pair_about(rng: &mut Rng, variable: &str) -> Pair {
    // A tie (one other variable, of the other kind) needs the binding of name and value. This is by far the hardest case, so it is rare.
    let kinds = draw_kinds(rng, &[10, 5, 5, 75, 5]);
    let others = names(rng, kinds.len());
    let mut lines: Vec<String> = kinds
        .iter()
        .zip(&others)
        .map(|(&text, other)| format!("{other} = {}", if text { "\"\"" } else { "set()" }))
        .collect();
    lines.insert(rng.below(lines.len() + 1), format!("{variable} = {PLACEHOLDER}"));
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
    let last = format!("{}{variable}", "    ".repeat(depth));
    let inside = rng.chance(40);
    pair_of(&layout(rng, inside, &lines, &last), "set()", "\"\"")
}

pub(super) fn rest(rng: &mut Rng, _: &str, candidate: usize) -> String {
    if candidate == 0 { format!("({})", name(rng)) } else { format!(" {}", atom(rng)) }
}

const SET: &str = "set()";

/// What a variable holds at a place in a text.
#[derive(Clone, PartialEq)]
enum Holds {
    /// No line sets it.
    Unset,
    /// `set()` or an empty string, and every place (with its length) where a line may have set it to that.
    Value { set: bool, places: Vec<(usize, usize)> },
    /// Something else, or one or the other.
    Unknown,
}

/// A block that is open at a line.
struct Block {
    indent: usize,
    function: bool,
    /// What the variable held before it.
    before: Holds,
}

impl Block {
    /// What the variable holds after the block, which may not have run.
    fn leave(self, after: Holds, variable: &str) -> Holds {
        // A function's variables are its own; attributes are not.
        if self.function && !variable.contains('.') {
            return self.before;
        }
        match (self.before, after) {
            (Holds::Unset, after) => after,
            (Holds::Value { set, mut places }, Holds::Value { set: other, places: more }) if set == other => {
                places.extend(more.into_iter().filter(|place| !places.contains(place)).collect::<Vec<_>>());
                Holds::Value { set, places }
            }
            (before, after) if before == after => before,
            _ => Holds::Unknown,
        }
    }
}

/// What the variable that is the last line holds there.
fn held(text: &str) -> Result<(String, Holds), Reason> {
    let lexed = lex(text);
    let (last, variable) = lexed.last_statement();
    if !lexed.in_code() || !lexed.brackets.is_empty() || !is_name(variable) {
        return Err(Reason::NotVariable);
    }
    let mut holds = Holds::Unset;
    let mut blocks: Vec<Block> = Vec::new();
    let mut start = 0;
    for end in lexed.line_ends().chain([text.len()]) {
        let line = &lexed.code[start..end];
        let at = start + line.len() - line.trim_start().len();
        start = end + 1;
        let code = line.trim();
        if code.is_empty() {
            continue;
        }
        let indent = lexed.code[..at].bytes().rev().take_while(|c| matches!(c, b' ' | b'\t')).count();
        while let Some(block) = blocks.pop_if(|block| block.indent >= indent) {
            holds = block.leave(holds, variable);
        }
        if at == last {
            break;
        }
        let before = holds.clone();
        match binding(code, variable) {
            Binding::None => {}
            Binding::Unknown => holds = Holds::Unknown,
            Binding::Value(value) => {
                let (place, length) = (at + value, code.len() - value);
                holds = match &text[place..place + length] {
                    SET => Holds::Value { set: true, places: vec![(place, length)] },
                    "\"\"" | "''" => Holds::Value { set: false, places: vec![(place, length)] },
                    _ => Holds::Unknown,
                };
            }
        }
        if code.ends_with(':') {
            let function = ["def ", "async def ", "class "].iter().any(|word| code.starts_with(word));
            blocks.push(Block { indent, function, before });
        }
    }
    Ok((variable.into(), holds))
}

/// What a statement does to a variable.
enum Binding {
    None,
    /// It sets the variable to the code from this place on.
    Value(usize),
    /// It sets the variable in another way.
    Unknown,
}

fn binding(code: &str, variable: &str) -> Binding {
    let rest = code.strip_prefix(variable).map(str::trim_start);
    // `current: str = ""`
    let rest = rest.map(|rest| if rest.starts_with(':') { rest.split_once('=').map_or("", |(_, value)| &rest[rest.len() - value.len() - 1..]) } else { rest });
    if let Some(value) = rest.and_then(|rest| rest.strip_prefix('=')).filter(|value| !value.starts_with('=')) {
        return Binding::Value(code.len() - value.trim_start().len());
    }
    let outside = outside_brackets(code);
    let targets = match code.split(' ').next().unwrap_or(code) {
        "for" | "async" => code.split(" in ").next().unwrap_or(code),
        "def" | "class" | "del" | "import" | "from" => code,
        "with" | "except" => outside.split_once(" as ").map_or("", |(_, targets)| targets),
        _ => assigned(&outside),
    };
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if targets.split(|c| !is_part(c)).any(|name| name == variable) { Binding::Unknown } else { Binding::None }
}

/// The names that a statement sets: what is before its last `=`, without `if x:` before that.
fn assigned(code: &str) -> &str {
    let end = assignment_sign(code).unwrap_or(0);
    code[..end].rsplit(": ").next().unwrap_or_default()
}

pub(super) fn counterfactual(text: &str) -> Result<String, Reason> {
    let (variable, holds) = held(text)?;
    let Holds::Value { set, mut places } = holds else { return Err(Reason::NoValue { variable }) };
    let with = if set { "\"\"" } else { SET };
    places.sort_unstable();
    Ok(places.into_iter().rev().fold(text.into(), |text: String, (at, length)| replace_range(&text, at, length, with)))
}

pub(super) fn answer(text: &str) -> Option<usize> {
    match held(text).ok()?.1 {
        Holds::Value { set, .. } => Some(usize::from(!set)),
        _ => None,
    }
}
