//! An endless, seeded stream of small Python documents that hold the constructs of all 20 tasks in
//! table 1 of Gao et al. 2025, in varied contexts. A model trained on it sees every construct among
//! distractors (other quotes, other lists, other variables).
//!
//! The pairs of `tasks` come from other seeds, and the corpus drops every document that holds a held-out prompt.

mod blocks;
mod drills;
mod statements;

use crate::random::Rng;

/// What a variable in scope holds, so that later lines use it as Python would.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Set,
    Text,
    List,
    Dict,
    Number,
    Truth,
}

/// The text written so far and the variables that may be used next.
pub(crate) struct Writer {
    pub rng: Rng,
    pub text: String,
    /// Levels of four spaces.
    pub depth: usize,
    pub scope: Vec<(String, Kind)>,
}

impl Writer {
    pub fn line(&mut self, line: &str) {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }
}

/// Document number `index` of the stream `seed`. Documents are a few hundred to a few thousand characters long.
pub fn document(seed: u64, index: u64) -> String {
    let mut writer = Writer { rng: Rng::with_stream(seed, index), text: String::new(), depth: 0, scope: Vec::new() };
    let parts = writer.rng.range(1, 6);
    for part in 0..parts {
        if part > 0 {
            for _ in 0..writer.rng.weighted(&[35, 45, 20]) {
                writer.blank();
            }
        }
        writer.top_level();
    }
    writer.text
}
