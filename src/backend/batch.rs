//! Sequences packed into one batch.

use crate::tensor::PANEL;

/// One sequence inside a batch: `len` tokens from `start`, which is a multiple of [`PANEL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub len: usize,
}

/// Sequences concatenated in the token dimension. Each sequence starts at a panel boundary. The gap after a sequence is
/// padding: it is computed and never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Token ids, padding = 0; the length is a multiple of [`PANEL`].
    tokens: Vec<u32>,
    /// Position of each token in its sequence, padding = 0.
    positions: Vec<u32>,
    spans: Vec<Span>,
}

impl Batch {
    /// # Panics
    /// Without a sequence, and on an empty sequence.
    pub fn new<S: AsRef<[u32]>>(sequences: &[S]) -> Batch {
        assert!(!sequences.is_empty(), "a batch needs at least one sequence");
        let (mut tokens, mut positions, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for sequence in sequences {
            let sequence = sequence.as_ref();
            assert!(!sequence.is_empty(), "a sequence of a batch is empty");
            spans.push(Span { start: tokens.len(), len: sequence.len() });
            tokens.extend_from_slice(sequence);
            positions.extend(0..sequence.len() as u32);
            let padded = tokens.len().next_multiple_of(PANEL);
            tokens.resize(padded, 0);
            positions.resize(padded, 0);
        }
        Batch { tokens, positions, spans }
    }

    /// One sequence whose first token is at `position`: the rest of a sequence that was run before.
    pub fn continued(tokens: &[u32], position: usize) -> Batch {
        let mut batch = Batch::new(&[tokens]);
        batch.positions[..tokens.len()].iter_mut().for_each(|at| *at += position as u32);
        batch
    }

    /// Tokens with padding: the token dimension of every tensor of this batch.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    pub fn positions(&self) -> &[u32] {
        &self.positions
    }

    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Index of the last token of each sequence.
    pub fn last_tokens(&self) -> Vec<u32> {
        self.spans.iter().map(|span| (span.start + span.len - 1) as u32).collect()
    }
}
