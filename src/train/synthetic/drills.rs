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
        let candidate = &task.candidates_after(&pair.a)[which];
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    /// So a token that is longer, such as `.address` for `.add` or an empty line for a line end, never takes a candidate's place.
    #[test]
    fn no_candidate_is_the_start_of_a_longer_word() {
        let mut rng = Rng::new(5);
        for task in TASKS {
            for _ in 0..500 {
                let pair = (task.drill.draw)(&mut rng);
                let candidates = task.candidates_after(&pair.a);
                for (prompt, which) in [(pair.a, 0), (pair.b, 1)] {
                    let text = prompt + &candidates[which];
                    let rest = (task.drill.rest)(&mut rng, &text, which);
                    let in_word = |c: char| c.is_alphanumeric() || c == '_';
                    let joined = text.ends_with(in_word) && rest.starts_with(in_word);
                    let empty_line = text.ends_with('\n') && (rest.is_empty() || rest.starts_with('\n'));
                    assert!(!joined && !empty_line, "{}: {rest:?} continues {:?}", task.name, candidates[which]);
                }
            }
        }
    }
}
