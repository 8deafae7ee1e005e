//! After a string: `":` in a dict, `",` in a list.

use super::templates::*;
use super::lexer::{Lexed, has_word, last_word, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, dilute, distractor_kinds, layout, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "bracket_brace",
    title: "Dict or list",
    sentence: "This model tells a dict from a list.",
    explanation: "In curly braces a string is a key, and a colon comes after it: {\"name\": 1}. In square brackets it is one of several items, and a \
                  comma comes after it: [\"name\", \"size\"]. The string looks the same in both; the model must look at what it is inside.",
    flip_label: "Flip brace and bracket",
    candidates: ["\":", "\","],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
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

/// The innermost open bracket.
struct Inside {
    at: usize,
    bracket: char,
    /// The commas and colons directly in it.
    marks: Vec<(usize, char)>,
    /// The code directly in it.
    code: String,
}

fn inside(lexed: &Lexed) -> Option<Inside> {
    let &(at, bracket) = lexed.brackets.last().filter(|(_, bracket)| *bracket != '(')?;
    let code = lexed.directly_in(at);
    Some(Inside {
        at,
        bracket,
        code: code.iter().map(|(_, c)| *c).collect(),
        marks: code.into_iter().filter(|(_, c)| matches!(c, ',' | ':')).collect(),
    })
}

impl Inside {
    fn marked(&self, mark: char) -> Vec<usize> {
        self.marks.iter().filter(|(_, c)| *c == mark).map(|(at, _)| *at).collect()
    }

    fn unpacks(&self, stars: &str) -> bool {
        self.code.split([',', ':']).any(|item| item.trim_start().starts_with(stars))
    }

    fn is_comprehension(&self) -> bool {
        has_word(&self.code, "for")
    }

    fn is_subscript(&self, lexed: &Lexed) -> bool {
        self.bracket == '[' && (lexed.is_subscript(self.at) || !self.marked(':').is_empty())
    }

    /// Whether the last item is a key: in braces, not after a colon, and not in a set. Braces with one item are taken for a dict's.
    fn is_key(&self) -> bool {
        let set = !self.unpacks("**") && !self.marks.is_empty() && self.marked(':').is_empty();
        let value = self.marks.last().is_some_and(|(_, c)| *c == ':');
        self.bracket == '{' && !set && !value
    }
}

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    if lexed.comment {
        return Err(Reason::InComment);
    }
    let inside = inside(&lexed).ok_or(Reason::NoBracket)?;
    let special = inside.is_comprehension() || has_word(&inside.code, "lambda") || inside.code.contains(":=");
    let target = lexed.last_statement().1.starts_with("del ");
    if target || special || inside.unpacks("*") || inside.is_subscript(&lexed) {
        return Err(Reason::NotPython);
    }
    let put = |text: String, (at, with): (usize, &str)| replace_range(&text, at, 1, with);
    if inside.bracket == '{' {
        // a list has commas only
        let commas = inside.marked(':').into_iter().map(|at| (at, ","));
        return Ok(commas.chain([(inside.at, "[")]).fold(text.into(), put));
    }
    // The items before the last one become keys and values in turn. One that is left over gets a value.
    let commas = inside.marked(',');
    let single = (commas.len() % 2 == 1).then(|| commas.last().copied()).flatten();
    let colons = commas.iter().copied().step_by(2).filter(|at| Some(*at) != single);
    let signs = single.map(|at| (at, ": 1,")).into_iter().chain(colons.map(|at| (at, ":")).rev());
    Ok(signs.chain([(inside.at, "{")]).fold(text.into(), put))
}

/// What the string in double quotes is: a key, or another item of a dict, set or list.
fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let string = lexed.string.filter(|s| s.quote == '"' && !s.triple && !s.escape && !s.field)?;
    let inside = inside(&lexed).filter(|inside| !inside.is_comprehension() && !inside.is_subscript(&lexed))?;
    let before = &lexed.code[..string.at];
    let starts = before[..before.len() - last_word(before).len()].trim_end().ends_with(['{', '[', ',', ':']);
    starts.then_some(usize::from(!inside.is_key()))
}
