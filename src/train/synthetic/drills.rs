//! The tasks' own constructs in their own surroundings, carried to the end of the statement.

use super::Writer;
use crate::tasks::lexer::lex;
use crate::tasks::{Split, TASKS};

impl Writer {
    /// A prompt of some task, its right candidate, and the rest of the line. Pairs that hash to held-out splits are not used.
    pub fn drill(&mut self) {
        let weights: Vec<usize> = TASKS.iter().map(|task| task.drill.weight).collect();
        let task = &TASKS[self.rng.weighted(&weights)];
        let pair = (task.drill.draw)(&mut self.rng);
        if Split::of(&pair) != Split::Train {
            return;
        }
        let which = self.rng.below(2);
        let candidate = task.candidates[which];
        let start = self.text.len();
        self.text.push_str(if which == 0 { &pair.a } else { &pair.b });
        self.text.push_str(candidate);
        let rest = (task.drill.rest)(&mut self.rng, &self.text, which);
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
