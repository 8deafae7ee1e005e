//! Copies, zeros and sums.

use super::Cpu;
use super::simd::{Lanes, kernel};
use crate::backend::Elementwise;
use crate::tensor::{Activations, PANEL};

impl Elementwise for Cpu {
    fn copy(&mut self, x: &Activations, y: &mut Activations) {
        assert!(x.channels() == y.channels() && x.tokens() == y.tokens());
        y.data_mut().copy_from_slice(x.data());
    }

    fn zero(&mut self, y: &mut Activations) {
        y.data_mut().fill(0.0);
    }

    kernel! {
        fn add<A>(&mut self, delta: &Activations, acc: &mut Activations) {
            assert!(delta.channels() == acc.channels() && delta.tokens() == acc.tokens());
            for (delta, acc) in delta.data().chunks_exact(PANEL).zip(acc.data_mut().chunks_exact_mut(PANEL)) {
                Lanes::load(delta).add(Lanes::load(acc)).store(acc);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::Random;

    #[test]
    fn each_number_is_copied_zeroed_or_added() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(16));
        for tokens in 1..=20 {
            let (x, delta) = (random.activations(5, tokens), random.activations(5, tokens));
            let mut y = random.activations(5, tokens);
            cpu.copy(&x, &mut y);
            assert_eq!(y, x);
            cpu.add(&delta, &mut y);
            for (y, (x, delta)) in y.to_rows().iter().zip(x.to_rows().iter().zip(delta.to_rows())) {
                assert_eq!(*y, x + delta);
            }
            cpu.zero(&mut y);
            assert!(y.data().iter().all(|y| *y == 0.0));
        }
    }
}
