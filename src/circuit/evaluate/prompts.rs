//! Tokenized prompts of a task in batches of a few sizes, which run many times.

use crate::backend::{Batch, Span};
use crate::tensor::PANEL;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Tokens in a chunk, padding included. Few, so that the next op finds its input in the cache (at 512 a third of the time went to
/// memory), but more than a long pair has.
const CHUNK_TOKENS: usize = 192;

/// Some prompts of a set in one batch. In a set of pairs, sequences `2 i` and `2 i + 1` are a pair's prompts a and b.
#[derive(Clone)]
pub struct Chunk {
    pub batch: Batch,
    /// For each sequence, its index in the set.
    pub rows: Vec<usize>,
    /// For each sequence, whether the first candidate is the right answer.
    pub first: Vec<bool>,
}

impl Chunk {
    /// Splits the chunk into parts of at most `max_tokens` tokens. Sequences `2 i` and `2 i + 1`
    /// stay together, even if they are longer.
    pub(super) fn split(&self, max_tokens: usize) -> Cow<'_, [Chunk]> {
        if self.batch.tokens().len() <= max_tokens {
            return Cow::Borrowed(std::slice::from_ref(self));
        }
        let sequence = |span: &Span| &self.batch.tokens()[span.start..span.start + span.len];
        let mut parts = Vec::new();
        let mut first = 0;
        while first < self.rows.len() {
            let end_of = |pair: usize| (pair + 2).min(self.rows.len());
            let tokens_to = |end: usize| {
                let spans = &self.batch.spans()[first..end];
                spans.iter().map(|span| span.len.next_multiple_of(PANEL)).sum::<usize>()
            };
            let mut end = end_of(first);
            while end < self.rows.len() && tokens_to(end_of(end)) <= max_tokens {
                end = end_of(end);
            }
            let sequences: Vec<&[u32]> = self.batch.spans()[first..end].iter().map(sequence).collect();
            parts.push(Chunk {
                batch: Batch::new(&sequences),
                rows: self.rows[first..end].to_vec(),
                first: self.first[first..end].to_vec(),
            });
            first = end;
        }
        Cow::Owned(parts)
    }
}

/// Prompts that want one of a task's candidates. In a set of pairs, pair `i` has the places `2 i` (prompt a, which wants the first
/// candidate) and `2 i + 1` (prompt b, which wants the second).
pub struct Prompts {
    pub chunks: Vec<Chunk>,
    /// For each prompt, whether the first candidate is the right answer.
    pub first: Vec<bool>,
}

impl Prompts {
    /// Pairs. Prompts longer than `context` tokens are cut on the left. `pairs` must not be empty, nor may a prompt be.
    pub fn new(pairs: &[[Vec<u32>; 2]], context: usize) -> Prompts {
        let prompts: Vec<(&[u32], bool)> =
            pairs.iter().flat_map(|[a, b]| [(a.as_slice(), true), (b.as_slice(), false)]).collect();
        Prompts::grouped(&prompts, 2, context)
    }

    /// Prompts without a partner, each with whether it wants the first candidate. They cannot be flipped.
    pub fn single(prompts: &[(Vec<u32>, bool)], context: usize) -> Prompts {
        let prompts: Vec<(&[u32], bool)> = prompts.iter().map(|(tokens, first)| (tokens.as_slice(), *first)).collect();
        Prompts::grouped(&prompts, 1, context)
    }

    /// Groups of like length share a chunk, so that chunks come in few sizes and a backend's pool can use its tensors again.
    fn grouped(prompts: &[(&[u32], bool)], group: usize, context: usize) -> Prompts {
        let cut = |row: usize| {
            let tokens = prompts[row].0;
            &tokens[tokens.len().saturating_sub(context)..]
        };
        let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for start in (0..prompts.len()).step_by(group) {
            let longest = (start..start + group).map(|row| cut(row).len()).max().unwrap_or(1);
            by_length.entry(longest.next_multiple_of(PANEL)).or_default().push(start);
        }
        let mut chunks = Vec::new();
        for (length, starts) in by_length {
            for starts in starts.chunks((CHUNK_TOKENS / (group * length)).max(1)) {
                let rows: Vec<usize> = starts.iter().flat_map(|&start| start..start + group).collect();
                let sequences: Vec<&[u32]> = rows.iter().map(|&row| cut(row)).collect();
                let first = rows.iter().map(|&row| prompts[row].1).collect();
                chunks.push(Chunk { batch: Batch::new(&sequences), rows, first });
            }
        }
        Prompts { chunks, first: prompts.iter().map(|prompt| prompt.1).collect() }
    }

    /// Puts numbers that came chunk by chunk into the set's order.
    pub(super) fn ordered(&self, by_chunk: &[Vec<f32>]) -> Vec<f32> {
        let mut row = vec![0.0; self.first.len()];
        for (chunk, numbers) in self.chunks.iter().zip(by_chunk) {
            for (&at, &number) in chunk.rows.iter().zip(numbers) {
                row[at] = number;
            }
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_is_in_one_chunk_and_results_keep_the_order() {
        let pairs: Vec<[Vec<u32>; 2]> =
            (0..200).map(|i| [(0..1 + i as u32 % 70).collect(), (0..1 + i as u32 * 7 % 50).collect()]).collect();
        let prompts = Prompts::new(&pairs, 40);
        let mut seen = vec![0; 400];
        let mut by_chunk = Vec::new();
        for chunk in &prompts.chunks {
            for (i, (&row, span)) in chunk.rows.iter().zip(chunk.batch.spans()).enumerate() {
                seen[row] += 1;
                assert_eq!((row % 2, chunk.first[i]), (i % 2, i % 2 == 0), "a and b side by side");
                let whole = &pairs[row / 2][row % 2];
                let tokens = &chunk.batch.tokens()[span.start..span.start + span.len];
                assert_eq!(tokens, &whole[whole.len().saturating_sub(40)..]);
            }
            by_chunk.push(chunk.rows.iter().map(|&row| row as f32).collect());
        }
        assert!(seen.iter().all(|n| *n == 1));
        assert_eq!(prompts.ordered(&by_chunk), (0..400).map(|i| i as f32).collect::<Vec<_>>());
    }

    #[test]
    fn prompts_without_a_partner_keep_what_they_want() {
        let prompts: Vec<(Vec<u32>, bool)> = (0..31).map(|i| (vec![1; 1 + i * 3], i % 3 == 0)).collect();
        let set = Prompts::single(&prompts, 64);
        assert_eq!(set.first, prompts.iter().map(|p| p.1).collect::<Vec<_>>());
        for chunk in &set.chunks {
            assert!(chunk.rows.iter().zip(&chunk.first).all(|(&row, &first)| prompts[row].1 == first));
        }
    }
}
