//! The tasks' own constructs in their own surroundings, carried to the end of the statement.

use super::Writer;
use crate::tasks::lexer::lex;
use crate::tasks::templates::*;
use crate::tasks::{Split, TASKS};

impl Writer {
    /// A prompt of some task, its right candidate, and the rest of the line. Pairs that hash to held-out splits are not used.
    pub fn drill(&mut self) {
        // What a small model learns last is drilled most: the depth of lists, and what a variable holds.
        let weights: Vec<usize> = TASKS
            .iter()
            .map(|task| match task.name {
                "set_or_string_fixedvarname" => 4,
                "bracket_counting" => 2,
                _ => 1,
            })
            .collect();
        let task = &TASKS[self.rng.weighted(&weights)];
        let mut pair = task.draw(&mut self.rng);
        // A list after other lists in a call or after `return`, as in `f([1], [2, 3])`, looks like a row of a nested one and is rare
        // among the prompts: small models got it wrong until it was drilled.
        if task.name == "bracket_counting" && self.rng.chance(30) {
            let after_lists =
                |text: &str| text.lines().last().is_some_and(|line| line.contains("], [") && !line.contains('='));
            for _ in 0..24 {
                if after_lists(&pair.a) {
                    break;
                }
                pair = task.draw(&mut self.rng);
            }
        }
        if Split::of(&pair) != Split::Train {
            return;
        }
        let which = self.rng.below(2);
        let candidate = task.candidates[which];
        let start = self.text.len();
        self.text.push_str(if which == 0 { &pair.a } else { &pair.b });
        self.text.push_str(candidate);
        let rest = match candidate {
            ".add" => format!("({})", name(&mut self.rng)),
            " +=" => format!(" {}", atom(&mut self.rng)),
            " ==" => {
                let line = plain_statement(&mut self.rng);
                // The body stands one level deeper than the condition.
                let last = &self.text[self.text.rfind('\n').map_or(0, |at| at + 1)..];
                let indent = " ".repeat(last.len() - last.trim_start().len() + 4);
                format!(" {}:\n{indent}{line}", atom(&mut self.rng))
            }
            " =" => format!(" {}", atom(&mut self.rng)),
            "\":" => format!(" {}", atom(&mut self.rng)),
            "\"," => format!(" \"{}\"", key(&mut self.rng)),
            _ => String::new(),
        };
        self.text.push_str(&rest);
        let closers: String = lex(&self.text[start..])
            .brackets
            .iter()
            .rev()
            .map(|(_, c)| match c {
                '(' => ')',
                '[' => ']',
                _ => '}',
            })
            .collect();
        self.text.push_str(&closers);
        self.text.push('\n');
    }
}
