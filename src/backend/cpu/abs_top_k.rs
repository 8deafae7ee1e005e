//! AbsTopK: per token the `k` largest magnitudes stay, the rest become zero (Gao et al. 2025, A.1), by a search for a threshold
//! (their appendix B), never a sort.
//!
//! All 16 tokens of a panel search at once, one pass over the channels a step. A token is done when exactly `k` magnitudes lie
//! above its threshold. Its bounds shrink by interpolation of the counts, every third step by bisection of the bit patterns
//! (which order like the magnitudes), so that the search ends after at most about 90 passes whatever the values; when the bounds
//! are neighbouring floats the values between are exact ties, and the lower channels win.

use super::simd::{Lanes, kernel};
use crate::tensor::{Activations, PANEL};

kernel! {
    pub fn abs_top_k<A>(k: usize, x: &mut Activations) {
        let channels = x.channels();
        if k >= channels {
            return;
        }
        for panel in 0..x.panels() {
            let x = x.panel_mut(panel);
            // The first pass: largest magnitude, mean magnitude, number of nonzeros.
            let (mut largest, mut sum, mut nonzeros) = (Lanes::zero(), Lanes::zero(), Lanes::zero());
            for values in x.chunks_exact(PANEL) {
                let magnitude = Lanes::load(values).abs();
                largest = largest.max(magnitude);
                sum = sum.add(magnitude);
                nonzeros = nonzeros.add(magnitude.greater(Lanes::zero()));
            }
            let mut search = Search::new(k, largest.array(), sum.array(), nonzeros.array());
            if search.all_zero_rest() {
                continue;
            }
            while !search.done() {
                let threshold = Lanes::from_array(search.threshold);
                let mut count = Lanes::zero();
                for values in x.chunks_exact(PANEL) {
                    count = count.add(Lanes::load(values).abs().greater(threshold));
                }
                search.narrow(count.array());
            }
            let threshold = Lanes::from_array(search.threshold);
            for values in x.chunks_exact_mut(PANEL) {
                let value = Lanes::load(values);
                if search.ties {
                    // keep ties for now: they equal the threshold's upper neighbour
                    let upper = Lanes::from_array(search.floor());
                    value.where_greater(value.abs(), upper).store(values);
                } else {
                    value.where_greater(value.abs(), threshold).store(values);
                }
            }
            if search.ties {
                search.settle_ties(x);
            }
        }
    }
}

/// The bounds of each lane's threshold. Invariant: more than `k` magnitudes are above `low`, fewer than `k` above `high`.
struct Search {
    k: f32,
    low: [f32; PANEL],
    high: [f32; PANEL],
    count_low: [f32; PANEL],
    count_high: [f32; PANEL],
    threshold: [f32; PANEL],
    state: [State; PANEL],
    step: u32,
    ties: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Open,
    /// Exactly `k` magnitudes are above the threshold, or no more than `k` are nonzero (threshold 0).
    Exact,
    /// The bounds are neighbours: all magnitudes above `low` and not above `high` equal `high`.
    Tied,
}

impl Search {
    #[inline(always)]
    fn new(k: usize, largest: [f32; PANEL], sum: [f32; PANEL], nonzeros: [f32; PANEL]) -> Search {
        let mut search = Search {
            k: k as f32,
            low: [0.0; PANEL],
            high: largest,
            count_low: nonzeros,
            count_high: [0.0; PANEL],
            threshold: [0.0; PANEL],
            state: [State::Open; PANEL],
            step: 0,
            ties: false,
        };
        for lane in 0..PANEL {
            if nonzeros[lane] <= k as f32 || !largest[lane].is_finite() {
                search.state[lane] = State::Exact;
            } else if k == 0 {
                search.state[lane] = State::Exact;
                search.threshold[lane] = largest[lane];
            } else {
                // For Gaussian values a quarter lies above 1.44 times the mean magnitude; shares near it are near.
                search.threshold[lane] = search.between(lane, 1.44 * sum[lane] / nonzeros[lane].max(1.0));
            }
        }
        search
    }

    /// Nothing has to be dropped in any lane.
    #[inline(always)]
    fn all_zero_rest(&self) -> bool {
        (0..PANEL).all(|lane| self.state[lane] == State::Exact && self.threshold[lane] == 0.0)
    }

    #[inline(always)]
    fn done(&self) -> bool {
        self.state.iter().all(|state| *state != State::Open)
    }

    /// `wanted`, moved strictly between the bounds of the lane where it is not.
    #[inline(always)]
    fn between(&self, lane: usize, wanted: f32) -> f32 {
        let (low, high) = (self.low[lane].to_bits(), self.high[lane].to_bits());
        if wanted > self.low[lane] && wanted < self.high[lane] {
            wanted
        } else {
            f32::from_bits(low + (high - low) / 2)
        }
    }

    #[inline(always)]
    fn narrow(&mut self, count: [f32; PANEL]) {
        self.step += 1;
        for lane in 0..PANEL {
            if self.state[lane] != State::Open {
                continue;
            }
            let (threshold, count) = (self.threshold[lane], count[lane]);
            if count == self.k {
                self.state[lane] = State::Exact;
                continue;
            } else if count > self.k {
                self.low[lane] = threshold;
                self.count_low[lane] = count;
            } else {
                self.high[lane] = threshold;
                self.count_high[lane] = count;
            }
            let (low, high) = (self.low[lane], self.high[lane]);
            if high.to_bits() - low.to_bits() <= 1 {
                self.state[lane] = State::Tied;
                self.threshold[lane] = high;
                self.ties = true;
                continue;
            }
            let guess = if self.step % 3 == 0 {
                f32::from_bits(low.to_bits() + (high.to_bits() - low.to_bits()) / 2)
            } else {
                let share = (self.count_low[lane] - self.k) / (self.count_low[lane] - self.count_high[lane]);
                low + (high - low) * share
            };
            self.threshold[lane] = self.between(lane, guess);
        }
    }

    /// What a magnitude must exceed to be kept or to be a candidate of a tie.
    #[inline(always)]
    fn floor(&self) -> [f32; PANEL] {
        let mut floor = self.threshold;
        for lane in 0..PANEL {
            if self.state[lane] == State::Tied {
                floor[lane] = self.low[lane];
            }
        }
        floor
    }

    /// Of the tied magnitudes keeps those of the lowest channels, as many as are missing to `k`.
    #[inline(always)]
    fn settle_ties(&self, x: &mut [f32]) {
        for lane in 0..PANEL {
            if self.state[lane] != State::Tied {
                continue;
            }
            let mut missing = self.k - self.count_high[lane];
            for value in x.iter_mut().skip(lane).step_by(PANEL) {
                if value.abs() == self.high[lane] {
                    if missing > 0.0 {
                        missing -= 1.0;
                    } else {
                        *value = 0.0;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::Random;

    /// The naive reference: sort the channels by falling magnitude, ties by channel.
    fn reference(k: usize, x: &Activations) -> Vec<f32> {
        let mut out = Vec::new();
        for token in 0..x.tokens() {
            let row: Vec<f32> = (0..x.channels()).map(|c| x.get(token, c)).collect();
            let mut order: Vec<usize> = (0..row.len()).collect();
            order.sort_by(|&a, &b| row[b].abs().total_cmp(&row[a].abs()).then(a.cmp(&b)));
            let mut kept = vec![0.0; row.len()];
            for &channel in order.iter().take(k) {
                kept[channel] = row[channel];
            }
            out.extend(kept);
        }
        out
    }

    fn check(k: usize, x: &Activations) {
        let mut got = x.clone();
        abs_top_k(k, &mut got);
        assert_eq!(got.to_rows(), reference(k, x), "k = {k}, {} channels, {} tokens", x.channels(), x.tokens());
    }

    #[test]
    fn keeps_exactly_the_largest() {
        let mut random = Random::new(2);
        for tokens in 1..=20 {
            for channels in [1, 2, 3, 17, 64] {
                let x = random.activations(channels, tokens);
                for k in [0, 1, channels / 4, channels / 2, channels - 1, channels] {
                    check(k, &x);
                }
            }
        }
        check(256, &random.activations(1024, 40));
    }

    #[test]
    fn settles_exact_ties_by_channel() {
        let mut random = Random::new(3);
        for _ in 0..50 {
            let mut x = random.activations(40, 16);
            for value in x.data_mut() {
                // few different magnitudes, both signs, many zeros
                *value = (*value * 2.0).round() / 2.0;
            }
            for k in [1, 5, 10, 39] {
                check(k, &x);
            }
        }
        check(3, &Activations::from_rows(&[7.5; 35], 7));
    }

    #[test]
    fn survives_extreme_ranges() {
        let mut random = Random::new(4);
        let mut x = random.activations(64, 32);
        for (i, value) in x.data_mut().iter_mut().enumerate() {
            *value *= 10f32.powi((i * 7 % 76) as i32 - 40);
        }
        for k in [1, 16, 40] {
            check(k, &x);
        }
        let tiny = Activations::from_rows(&[1e-45, 2e-45, 0.0, -3e-45, 1e-45, f32::MAX], 6);
        for k in 1..6 {
            check(k, &tiny);
        }
    }
}
