//! Small pieces of ordinary Python that both the tasks' pairs and the synthetic training text are made of: names, phrases,
//! literals, and whole closed one-line statements that serve as distractors in a prompt's context.
//!
//! Whatever a task asks about (a quote kind, a kind of bracket) is drawn 50/50, independently of everything else.

use super::words::*;
use crate::random::Rng;

/// `'` or `"`, evenly.
pub fn quote(rng: &mut Rng) -> char {
    if rng.chance(50) { '"' } else { '\'' }
}

/// The other quote.
pub fn other_quote(quote: char) -> char {
    if quote == '"' { '\'' } else { '"' }
}

fn plural(noun: &str) -> String {
    match noun.as_bytes().last() {
        Some(b's' | b'x' | b'h') => format!("{noun}es"),
        Some(b'y') if !noun.ends_with("ey") && !noun.ends_with("ay") => format!("{}ies", &noun[..noun.len() - 1]),
        _ => format!("{noun}s"),
    }
}

const KEYWORD_LIKE: &[&str] = &["class", "for", "in", "is", "not", "with", "and", "or", "from"];

/// Words at the start of a table are more frequent: a few words make up most of ordinary code.
fn common<'a>(rng: &mut Rng, words: &[&'a str]) -> &'a str {
    let (first, second, third) = (rng.below(words.len()), rng.below(words.len()), rng.below(words.len()));
    words[first * second / words.len() * third / words.len()]
}

fn noun(rng: &mut Rng) -> &'static str {
    loop {
        let noun = common(rng, NOUNS);
        if !KEYWORD_LIKE.contains(&noun) {
            return noun;
        }
    }
}

/// A variable's name.
pub fn name(rng: &mut Rng) -> String {
    match rng.weighted(&[44, 12, 12, 10, 12, 5, 5]) {
        0 => noun(rng).into(),
        1 => format!("{}_{}", common(rng, ADJECTIVES), noun(rng)),
        2 => format!("{}_{}", noun(rng), noun(rng)),
        3 => rng.pick(LETTERS).into(),
        4 => plural(noun(rng)),
        5 => format!("{}{}", noun(rng), rng.range(1, 9)),
        _ => format!("{}_{}", common(rng, VERBS), plural(noun(rng))),
    }
}

/// `count` different names.
pub fn names(rng: &mut Rng, count: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(count);
    while out.len() < count {
        let next = name(rng);
        if !out.contains(&next) {
            out.push(next);
        }
    }
    out
}

pub fn plural_name(rng: &mut Rng) -> String {
    if rng.chance(75) { plural(noun(rng)) } else { format!("{}_{}", common(rng, ADJECTIVES), plural(noun(rng))) }
}

pub fn function_name(rng: &mut Rng) -> String {
    match rng.weighted(&[60, 20, 20]) {
        0 => format!("{}_{}", common(rng, VERBS), name(rng)),
        1 => common(rng, VERBS).into(),
        _ => format!("{}_{}", common(rng, VERBS), plural_name(rng)),
    }
}

fn capital(word: &str) -> String {
    let mut word = word.to_string();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}

pub fn class_name(rng: &mut Rng) -> String {
    let last = capital(noun(rng));
    match rng.weighted(&[50, 25, 25]) {
        0 => last,
        1 => format!("{}{last}", capital(common(rng, ADJECTIVES))),
        _ => format!("{}{last}", capital(noun(rng))),
    }
}

fn word(rng: &mut Rng) -> &'static str {
    match rng.weighted(&[40, 15, 15, 30]) {
        0 => common(rng, NOUNS),
        1 => common(rng, ADJECTIVES),
        2 => common(rng, VERBS),
        _ => common(rng, GLUE),
    }
}

/// Words without quotes or apostrophes; mostly few, at times up to `most`. Ends in a letter or digit.
pub fn phrase(rng: &mut Rng, most: usize) -> String {
    let words = match rng.weighted(&[40, 44, 16]) {
        0 => rng.range(1, 2),
        1 => rng.range(2, 5),
        _ => rng.range(4, 13),
    }
    .min(most);
    let style = rng.weighted(&[50, 30, 8, 6, 6]);
    let mut out = String::new();
    for index in 0..words {
        let last = index + 1 == words;
        let mut next = word(rng).to_string();
        if style == 1 && index == 0 || style == 2 {
            next = capital(&next);
        } else if style == 3 {
            next = next.to_ascii_uppercase();
        }
        if index > 0 {
            out.push_str(match style {
                4 => rng.pick(&["_", "-", "/", "."]),
                _ if rng.chance(6) => ", ",
                _ => " ",
            });
        }
        out.push_str(&next);
        if !last && rng.chance(3) {
            out.push_str(rng.pick(&[":", ".", "!", " =", " -"]));
        }
    }
    if rng.chance(5) {
        out.push_str(&format!(" {}", rng.range(0, 99)));
    }
    out
}

/// A phrase with the punctuation that strings end with now and then.
pub fn sentence(rng: &mut Rng, most: usize) -> String {
    let mut out = phrase(rng, most);
    if rng.chance(18) {
        out.push_str(rng.pick(&[".", "!", "?", ":", ": ", "...", "\\n", " "]));
    }
    out
}

/// A single short string such as a dict's key: one or two words.
pub fn key(rng: &mut Rng) -> String {
    match rng.weighted(&[55, 15, 15, 10, 5]) {
        0 => word(rng).into(),
        1 => format!("{}_{}", noun(rng), noun(rng)),
        2 => capital(noun(rng)),
        3 => format!("{} {}", common(rng, ADJECTIVES), noun(rng)),
        _ => rng.pick(LETTERS).into(),
    }
}

pub fn number(rng: &mut Rng) -> String {
    match rng.weighted(&[50, 25, 10, 8, 7]) {
        0 => rng.range(0, 9).to_string(),
        1 => rng.range(10, 99).to_string(),
        2 => rng.range(100, 2000).to_string(),
        3 => format!("{}.{}", rng.range(0, 20), rng.range(0, 9)),
        _ => format!("-{}", rng.range(1, 20)),
    }
}

/// A closed string literal.
pub fn literal(rng: &mut Rng, most: usize) -> String {
    let (mark, text) = (quote(rng), sentence(rng, most));
    format!("{mark}{text}{mark}")
}

/// A literal or a name.
pub fn atom(rng: &mut Rng) -> String {
    match rng.weighted(&[35, 30, 35]) {
        0 => number(rng),
        1 => literal(rng, 3),
        _ => name(rng),
    }
}

/// A call whose first argument is a string in `mark` quotes, without the closing quote: `print("some words`.
pub fn open_call(rng: &mut Rng, mark: char, most: usize) -> String {
    let head = rng.pick(STRING_CALLS);
    let lead = match rng.weighted(&[70, 15, 10, 5]) {
        0 => String::new(),
        1 => format!("{} = ", name(rng)),
        2 => "return ".into(),
        _ => "raise ".into(),
    };
    let text = phrase(rng, most);
    format!("{lead}{head}({mark}{text}")
}

/// A complete one-line call with strings in `mark` quotes.
pub fn closed_call(rng: &mut Rng, mark: char, most: usize) -> String {
    let head = rng.pick(STRING_CALLS);
    let text = sentence(rng, most);
    match rng.weighted(&[55, 15, 15, 15]) {
        0 => format!("{head}({mark}{text}{mark})"),
        1 => format!("{} = {head}({mark}{text}{mark})", name(rng)),
        2 => format!("{head}({mark}{text}{mark}, {})", name(rng)),
        _ => format!("{head}({mark}{text}{mark}, {mark}{}{mark})", key(rng)),
    }
}

/// One kind of list elements: numbers, names, or a mix that ends with a number or a name (so that the bracket is a token of its own).
pub fn elements(rng: &mut Rng, count: usize) -> Vec<String> {
    let kind = rng.weighted(&[55, 35, 10]);
    (0..count)
        .map(|index| match kind {
            0 => number(rng),
            1 => name(rng),
            _ if index + 1 < count => atom(rng),
            _ => name(rng),
        })
        .collect()
}

/// `[1, 2, 3]` without the closing bracket.
pub fn open_flat(rng: &mut Rng, most: usize) -> String {
    let count = rng.range(1, most);
    format!("[{}", elements(rng, count).join(", "))
}

/// `[[1, 2], [3, 4` : closed rows before the open one.
pub fn open_nested(rng: &mut Rng, rows: usize, most: usize) -> String {
    let kind = rng.weighted(&[60, 40]);
    let count = rng.range(1, most);
    let row = |rng: &mut Rng| {
        (0..count).map(|_| if kind == 0 { number(rng) } else { name(rng) }).collect::<Vec<_>>().join(", ")
    };
    let mut out = String::from("[");
    for index in 0..rows {
        out.push_str(if index > 0 { "], [" } else { "[" });
        out.push_str(&row(rng));
    }
    out
}

/// A complete list literal, flat or nested.
pub fn closed_list(rng: &mut Rng, nested: bool, most: usize) -> String {
    if nested {
        let rows = rng.range(1, 3);
        format!("{}]]", open_nested(rng, rows, most))
    } else if rng.chance(70) {
        format!("{}]", open_flat(rng, most))
    } else {
        string_list(rng, most)
    }
}

/// `["one", "two"]`, one quote kind throughout.
pub fn string_list(rng: &mut Rng, most: usize) -> String {
    let mark = quote(rng);
    let count = rng.range(1, most);
    let items: Vec<String> = (0..count).map(|_| format!("{mark}{}{mark}", key(rng))).collect();
    format!("[{}]", items.join(", "))
}

/// `{"one": 1, "two": 2}`, one quote kind throughout.
pub fn dict(rng: &mut Rng, most: usize) -> String {
    let mark = quote(rng);
    let count = rng.range(1, most);
    let kind = rng.weighted(&[40, 30, 30]);
    let items: Vec<String> = (0..count)
        .map(|_| {
            let value = match kind {
                0 => number(rng),
                1 => format!("{mark}{}{mark}", key(rng)),
                _ => atom(rng),
            };
            format!("{mark}{}{mark}: {value}", key(rng))
        })
        .collect();
    format!("{{{}}}", items.join(", "))
}

/// A short statement that has nothing to do with any task in particular.
pub fn plain_statement(rng: &mut Rng) -> String {
    let target = name(rng);
    match rng.weighted(&[22, 14, 12, 10, 10, 10, 8, 7, 7]) {
        0 => format!("{target} = {}", number(rng)),
        1 => format!("{target} = {}", name(rng)),
        2 => format!("{target} = {}({})", function_name(rng), name(rng)),
        3 => format!("{target} = {} {} {}", name(rng), rng.pick(&["+", "-", "*", "/", "%"]), atom_number(rng)),
        4 => format!("{target} += {}", atom_number(rng)),
        5 => format!("print({target})"),
        6 => format!("{target}.append({})", name(rng)),
        7 => format!(
            "{target} = {}[{}]",
            plural_name(rng),
            if rng.chance(50) { rng.range(0, 9).to_string() } else { name(rng) }
        ),
        _ => format!("{target} = len({})", plural_name(rng)),
    }
}

/// A number or a name, no string.
pub fn atom_number(rng: &mut Rng) -> String {
    if rng.chance(50) { number(rng) } else { name(rng) }
}

/// A condition that ends in a name, a number or a value such as `True`.
pub fn condition(rng: &mut Rng) -> String {
    let subject = match rng.weighted(&[70, 18, 12]) {
        0 => name(rng),
        1 => format!("self.{}", name(rng)),
        _ => format!("{}.{}", name(rng), name(rng)),
    };
    match rng.weighted(&[34, 18, 16, 10, 12, 10]) {
        0 => subject,
        1 => format!("not {subject}"),
        2 => format!("{subject} {} {}", rng.pick(&["==", "!=", "<", ">", "<=", ">="]), atom_number(rng)),
        3 => format!("{subject} in {}", plural_name(rng)),
        4 => format!("{subject} is {}", rng.pick(&["None", "not None", "True", "False"])),
        _ => format!("{subject} {} {}", rng.pick(&["and", "or"]), name(rng)),
    }
}

/// A `for` loop with a body of one line.
pub fn closed_for(rng: &mut Rng) -> String {
    format!("for {} in {}:\n    {}", name(rng), plural_name(rng), plain_statement(rng))
}

/// A `while` loop with a body of one line.
pub fn closed_while(rng: &mut Rng) -> String {
    format!("while {}:\n    {}", condition(rng), plain_statement(rng))
}

/// An `if` with a body of one line.
pub fn closed_if(rng: &mut Rng) -> String {
    format!("if {}:\n    {}", condition(rng), plain_statement(rng))
}

/// A comment of a few words.
pub fn comment(rng: &mut Rng) -> String {
    format!("# {}", phrase(rng, 7))
}
