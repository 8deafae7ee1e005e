//! The random numbers of searches and measurements.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Seeded numbers, the same on every machine.
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// In `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.0.next_u32() as u64 * n as u64) >> 32) as usize
    }

    /// Roughly Gaussian: the sum of six uniform numbers, scaled to a deviation of 1.
    pub fn normal(&mut self) -> f32 {
        let sum: f32 = (0..6).map(|_| (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32).sum();
        (sum - 3.0) * std::f32::consts::SQRT_2
    }
}
