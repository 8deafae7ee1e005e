//! Close a flat or a nested list.

use super::templates::*;
use super::lexer::{Lexed, has_word, is_unfinished, last_word, lex, replace_range};
use super::{Drill, Reason, Rule, PLACEHOLDER, Pair, Task, dilute, distractor_kinds, layout, nothing, pair_of};
use crate::random::Rng;

pub const TASK: Task = Task {
    name: "bracket_counting",
    title: "Close the list",
    sentence: "This model closes a list.",
    explanation: "A Python list is written in square brackets: [1, 2]. A list of lists has two brackets at its start, [[1, 2], [3, 4]], and \
                  needs two at its end. The model must know how many are still open when the numbers end.",
    flip_label: "Flip the depth",
    candidates: ["]", "]]"],
    generate,
    rule: Rule { counterfactual, answer, candidates: None },
    drill: Drill { weight: 4, draw: drill, rest: nothing },
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

fn counterfactual(text: &str) -> Result<String, Reason> {
    let lexed = lex(text);
    if lexed.string.is_some() {
        return Err(Reason::InString);
    }
    if lexed.comment {
        return Err(Reason::InComment);
    }
    match open_lists(&lexed)[..] {
        [] => Err(Reason::NoList),
        [only] => nested(text, &lexed, only),
        [ref outer @ .., innermost] => flat(text, &lexed, outer, innermost).ok_or(Reason::NotPython),
    }
}

/// The innermost open brackets, outermost first, as far as they are square.
fn open_lists(lexed: &Lexed) -> Vec<usize> {
    let mut lists: Vec<usize> =
        lexed.brackets.iter().rev().take_while(|(_, c)| *c == '[').map(|(at, _)| *at).collect();
    lists.reverse();
    lists
}

/// One more bracket. The lists before the open one, separated by commas, become rows of the nested list.
fn nested(text: &str, lexed: &Lexed, open: usize) -> Result<String, Reason> {
    if lexed.directly_in(open).iter().any(|(_, c)| *c == ':') {
        // a slice
        return Err(Reason::NotPython);
    }
    let blank: &[char] = if lexed.brackets.len() > 1 { &[' ', '\n'] } else { &[' '] };
    let mut first = open;
    while let Some(before) = lexed.code[..first].trim_end_matches(blank).strip_suffix(',')
        && let before = before.trim_end_matches(blank)
        && let Some((from, _)) = lexed.closed.iter().find(|(_, to)| *to + 1 == before.len())
        && lexed.code[*from..].starts_with('[')
        && !lexed.is_subscript(*from)
    {
        first = *from;
    }
    Ok(replace_range(text, first, 0, "["))
}

/// One open list instead of several: the innermost one, or the outermost one where the text needs its bracket.
fn flat(text: &str, lexed: &Lexed, outer: &[usize], innermost: usize) -> Option<String> {
    let without = |brackets: &[usize]| brackets.iter().rev().fold(text.to_string(), |text, &at| replace_range(&text, at, 1, ""));
    let next = |index: usize| outer.get(index + 1).copied().unwrap_or(innermost);
    let blank = |index: usize| lexed.code[outer[index] + 1..next(index)].trim().is_empty();
    let fits = (0..outer.len()).all(blank) || takes_items(lexed, outer[0]);
    if fits && (0..outer.len()).all(|index| is_list(lexed, outer[index]) && !lexed.is_subscript(next(index))) {
        let flat = without(outer);
        // a line end that was inside the brackets must not end the statement
        let ends = |lexed: &Lexed| lexed.line_ends().count();
        if ends(&lex(&flat)) == ends(lexed) {
            return Some(flat);
        }
    }
    let inner: Vec<usize> = (0..outer.len()).map(next).collect();
    let all = outer.iter().zip(&inner).all(|(&list, &item)| is_row(lexed, list, item));
    all.then(|| without(&inner))
}

/// Whether the code directly in a bracket is items separated by commas. A slice and a comprehension are not.
fn has_items(lexed: &Lexed, at: usize) -> bool {
    let inside: String = lexed.directly_in(at).into_iter().map(|(_, c)| c).collect();
    !inside.contains(':') && !has_word(&inside, "for")
}

fn is_list(lexed: &Lexed, at: usize) -> bool {
    !lexed.is_subscript(at) && has_items(lexed, at)
}

/// Whether there may be items separated by commas in place of the open bracket at `at`.
fn takes_items(lexed: &Lexed, at: usize) -> bool {
    match lexed.brackets.iter().rev().find(|(parent, _)| *parent < at) {
        Some(&(parent, _)) => {
            let around = lexed.directly_in(parent);
            has_items(lexed, parent) && around.iter().all(|(_, c)| *c != '=')
        }
        None => {
            let (start, _) = lexed.last_statement();
            let lead = lexed.code[start..at].trim_end();
            let assigns = lead.ends_with('=') && !["==", "!=", "<=", ">=", ":="].iter().any(|sign| lead.ends_with(sign));
            let looped = lead.starts_with("for ") && last_word(lead) == "in";
            !has_word(lead, "lambda") && (assigns || looped || ["", "return", "yield"].contains(&lead))
        }
    }
}

/// Whether the open bracket at `item` is an item of the list at `list`, and its items can be items of that list.
fn is_row(lexed: &Lexed, list: usize, item: usize) -> bool {
    let starts = lexed.code[..item].trim_end().ends_with(['[', ',']);
    starts && has_items(lexed, list) && has_items(lexed, item)
}

/// How many lists end here: one, or at least two.
fn answer(text: &str) -> Option<usize> {
    let lexed = lex(text);
    let lists = open_lists(&lexed);
    (lexed.in_code() && is_complete(&lexed, *lists.last()?)).then_some(usize::from(lists.len() > 1))
}

/// Whether the innermost bracket, at `open`, can be closed at the end of the text.
fn is_complete(lexed: &Lexed, open: usize) -> bool {
    let code = lexed.code.trim_end();
    let inside: String = lexed.directly_in(open).into_iter().map(|(_, c)| c).collect();
    let item = inside.rsplit(',').next().unwrap_or_default();
    let loop_head = has_word(item, "for") && !has_word(item, "in");
    let half = !has_word(item, "for") && has_word(item, "if") && !has_word(item, "else");
    let subscript = inside.trim().is_empty() && lexed.is_subscript(open);
    !(is_unfinished(code) || loop_head || half || subscript)
}
