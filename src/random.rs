//! Seeded random numbers, the same on every machine and in the browser: one generator (ChaCha8) for the whole crate.
//!
//! Prompts of the tasks, corpora, initial weights and searches were made with these rules, and the same seed must give the same
//! numbers again. That is why there are two bounded draws and two normal ones, and why `rand_distr` is not used: its rules differ.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A sequence of random choices that depends on its seed and stream only.
pub struct Rng(ChaCha8Rng);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(ChaCha8Rng::seed_from_u64(seed))
    }

    /// `stream` separates uses of one seed (tasks, documents, steps) from each other; stream 0 is that of [`Rng::new`].
    pub fn with_stream(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Rng(rng)
    }

    /// A number in `0..n`; `n` must not be zero. The bias of the multiply-shift is below n / 2^32.
    pub fn below(&mut self, n: usize) -> usize {
        debug_assert!(n > 0 && (n as u64) < 1 << 31);
        ((self.0.next_u32() as u64 * n as u64) >> 32) as usize
    }

    /// As [`Rng::below`], from 64 bits and by remainder: for large `n`.
    pub fn below_large(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n as u64) as usize
    }

    /// A number in `low..=high`.
    pub fn range(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True with a probability of `percent` / 100.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// An index drawn in proportion to `weights`.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (index, &weight) in weights.iter().enumerate() {
            if left < weight {
                return index;
            }
            left -= weight;
        }
        unreachable!("below() stays under the sum of the weights")
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// As [`Rng::shuffle`], with [`Rng::below_large`].
    pub fn shuffle_large<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below_large(last + 1));
        }
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A standard normal number (Box-Muller).
    pub fn normal(&mut self) -> f64 {
        // above 0 and below 1
        let mut uniform = || (self.0.next_u32() as f64 + 1.0) / 4_294_967_297.0;
        (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
    }

    /// A roughly normal number: the sum of six uniform numbers, scaled to a standard deviation of 1. Searches start with these.
    pub fn roughly_normal(&mut self) -> f32 {
        let sum: f32 = (0..6).map(|_| (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32).sum();
        (sum - 3.0) * std::f32::consts::SQRT_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shipped numbers depend on these.
    #[test]
    fn a_seed_always_gives_the_same_numbers() {
        let mut rng = Rng::new(7);
        let drawn = [rng.below(1000), rng.below_large(1000), rng.range(5, 9), rng.weighted(&[1, 2, 3])];
        assert_eq!(drawn, [140, 796, 5, 1]);
        assert!((rng.normal() - 0.8159035024355629).abs() < 1e-12);
        assert!((rng.roughly_normal() + 0.26657435).abs() < 1e-6);
        assert_eq!(rng.uniform(), 0.2556006009883851);
        assert_ne!(Rng::with_stream(7, 1).below(1 << 30), Rng::new(7).below(1 << 30));
        assert_eq!(Rng::with_stream(7, 0).below(1 << 30), Rng::new(7).below(1 << 30));
    }
}
