//! AbsTopK: the `k` largest magnitudes of each token stay, the others become zero (Gao et al. 2025, A.1). A search finds the threshold
//! (their appendix B); nothing is sorted.
//!
//! The 16 tokens of a panel search together. A step is one pass over the channels that counts the magnitudes above each token's
//! threshold. It compares integers: the bits of magnitudes have the order of the magnitudes. A threshold starts at the mean magnitude
//! of the token times the ratio of the panel before (tokens of one place are similar). Its bounds shrink by interpolation of the
//! counts, every third step by bisection, so a search ends after at most about 90 passes for any values. The last steps of a search
//! would take longest. So it stops as soon as the `k`-th magnitude of every token is among the [`NEAR`] magnitudes next to a bound: one
//! more pass finds those, sorted. Of magnitudes equal to the `k`-th, the lower channels are kept.

use super::Cpu;
use super::simd::{Bits, Lanes, kernel, row_by_row};
use crate::backend::AbsTopK;
use crate::tensor::{Activations, PANEL};

/// How many magnitudes the last pass of a search sorts. With more it costs more, with fewer the search takes more passes.
const NEAR: usize = 4;

/// A quarter of Gaussian values is above this many mean magnitudes.
const FIRST_RATIO: f32 = 1.44;

/// No bound yet: nothing is above it.
const NO_BOUND: i32 = i32::MAX;

impl AbsTopK for Cpu {
    kernel! {
        fn abs_top_k<A>(&mut self, k: usize, x: &mut Activations) {
            let channels = x.channels();
            if k >= channels {
                return;
            }
            if k == 0 {
                x.data_mut().fill(0.0);
                return;
            }
            let zero = Bits::splat(0);
            let mut ratio = FIRST_RATIO;
            for panel in 0..x.panels() {
                let x = x.panel_mut(panel);
                let (mut sum, mut nonzeros) = (Lanes::zero(), zero);
                for values in x.chunks_exact(PANEL) {
                    row_by_row();
                    let value = Lanes::load(values);
                    sum = sum.add(value.abs());
                    nonzeros = nonzeros.count_greater(value.magnitude(), zero);
                }
                let mut search = Search::new(k as i32, sum.array(), nonzeros.array(), ratio);
                if search.nothing_to_drop() {
                    continue;
                }
                while !search.near() {
                    let threshold = Bits::from_array(search.threshold);
                    let mut count = zero;
                    for values in x.chunks_exact(PANEL) {
                    row_by_row();
                        count = count.count_greater(Lanes::load(values).magnitude(), threshold);
                    }
                    search.narrow(count.array());
                }
                let (flip, bound) = search.last_pass();
                let (flip, bound) = (Bits::from_array(flip), Bits::from_array(bound));
                // Sorted by insertion; written out, since the compiler would keep an array of them in memory.
                let (mut first, mut second, mut third, mut fourth) = (zero, zero, zero, zero);
                for values in x.chunks_exact(PANEL) {
                    row_by_row();
                    let next = Lanes::load(values).magnitude().xor(flip).up_to(bound);
                    let (larger, next) = (first.max(next), first.min(next));
                    first = larger;
                    let (larger, next) = (second.max(next), second.min(next));
                    second = larger;
                    let (larger, next) = (third.max(next), third.min(next));
                    third = larger;
                    fourth = fourth.max(next);
                }
                let nearest = [first, second, third, fourth];
                let least = search.least(nearest.map(Bits::array));
                ratio = search.ratio(&least).unwrap_or(ratio);

                let floor = Bits::from_array(least.map(|least| least - 1));
                let mut kept = zero;
                for values in x.chunks_exact_mut(PANEL) {
                    let value = Lanes::load(values);
                    let magnitude = value.magnitude();
                    kept = kept.count_greater(magnitude, floor);
                    value.where_above(magnitude, floor).store(values);
                }
                drop_ties(k as i32, x, &least, kept.array());
            }
        }
    }

    kernel! {
        fn abs_top_k_backward<A>(&mut self, kept: &Activations, grad: &mut Activations) {
            assert!(kept.channels() == grad.channels() && kept.tokens() == grad.tokens());
            for (kept, grad) in kept.data().chunks_exact(PANEL).zip(grad.data_mut().chunks_exact_mut(PANEL)) {
                Lanes::load(grad).where_nonzero(Lanes::load(kept)).store(grad);
            }
        }
    }
}

/// The bounds of each lane's threshold, as bits of magnitudes. Invariant of a lane with something to drop: more than `k` magnitudes
/// are above `low`, at most `k` above `high`.
struct Search {
    k: i32,
    low: [i32; PANEL],
    high: [i32; PANEL],
    above_low: [i32; PANEL],
    above_high: [i32; PANEL],
    threshold: [i32; PANEL],
    /// Mean magnitude of the nonzeros.
    mean: [f32; PANEL],
    step: u32,
}

impl Search {
    #[inline(always)]
    fn new(k: i32, sum: [f32; PANEL], nonzeros: [i32; PANEL], ratio: f32) -> Search {
        let mut search = Search {
            k,
            low: [0; PANEL],
            high: [NO_BOUND; PANEL],
            above_low: nonzeros,
            above_high: [0; PANEL],
            threshold: [0; PANEL],
            mean: [0.0; PANEL],
            step: 0,
        };
        for lane in 0..PANEL {
            let few = nonzeros[lane] <= k;
            search.high[lane] = if few { 0 } else { NO_BOUND };
            search.mean[lane] = sum[lane] / nonzeros[lane] as f32;
            search.threshold[lane] = search.between(lane, ratio * search.mean[lane]);
        }
        search
    }

    #[inline(always)]
    fn nothing_to_drop(&self) -> bool {
        self.high == [0; PANEL]
    }

    /// `wanted`, moved strictly between the bounds of the lane where it is not.
    #[inline(always)]
    fn between(&self, lane: usize, wanted: f32) -> i32 {
        let (low, high, wanted) = (self.low[lane], self.high[lane], wanted.to_bits() as i32);
        if (wanted > low) & (wanted < high) { wanted } else { low + (high - low) / 2 }
    }

    /// The place of the `k`-th magnitude among those up to `high`, from the largest down, and among those above `low`, from the smallest up.
    #[inline(always)]
    fn places(&self, lane: usize) -> (i32, i32) {
        (self.k - self.above_high[lane], self.above_low[lane] - self.k + 1)
    }

    /// All magnitudes between the bounds are equal to `high`.
    #[inline(always)]
    fn tied(&self, lane: usize) -> bool {
        self.high[lane] - self.low[lane] <= 1
    }

    /// Whether the last pass can find the `k`-th magnitude of every lane.
    #[inline(always)]
    fn near(&self) -> bool {
        let mut near = true;
        for lane in 0..PANEL {
            let (from_high, from_low) = self.places(lane);
            near &= (from_high <= NEAR as i32) | (from_low <= NEAR as i32) | self.tied(lane);
        }
        near
    }

    /// Without branches, so that the compiler vectorizes over the lanes.
    #[inline(always)]
    fn narrow(&mut self, count: [i32; PANEL]) {
        self.step += 1;
        let bisect = self.step % 3 == 0;
        for lane in 0..PANEL {
            let (threshold, count) = (self.threshold[lane], count[lane]);
            let (before, more) = (f32::from_bits(threshold as u32), count > self.k);
            self.low[lane] = if more { threshold } else { self.low[lane] };
            self.above_low[lane] = if more { count } else { self.above_low[lane] };
            self.high[lane] = if more { self.high[lane] } else { threshold };
            self.above_high[lane] = if more { self.above_high[lane] } else { count };

            let (low, high) = (f32::from_bits(self.low[lane] as u32), f32::from_bits(self.high[lane] as u32));
            let (above_low, above_high) = (self.above_low[lane], self.above_high[lane]);
            let share = (above_low - self.k) as f32 / (above_low - above_high) as f32;
            let secant = low + (high - low) * share;
            // Without bounds yet: near the threshold about 45 % of the values are in an interval that ends at e times its start.
            let newton = before + before * ((count - self.k) as f32 / (0.45 * (above_low as f32)));
            let guess = if (self.step == 1) | (self.high[lane] == NO_BOUND) { newton } else { secant };
            let guess = if bisect { -1.0 } else { guess };
            self.threshold[lane] = self.between(lane, guess);
        }
    }

    /// The bits to flip, and the largest number that counts after that. Where the `k`-th magnitude is near `low`, flipping reverses the
    /// order, so that the nearest magnitude is the largest in every lane.
    #[inline(always)]
    fn last_pass(&self) -> ([i32; PANEL], [i32; PANEL]) {
        let (mut flip, mut bound) = ([0; PANEL], self.high);
        for lane in 0..PANEL {
            let (from_high, from_low) = self.places(lane);
            if from_low < from_high {
                flip[lane] = i32::MAX;
                bound[lane] = (self.low[lane] ^ i32::MAX) - 1;
            }
        }
        (flip, bound)
    }

    /// Each lane's `k`-th magnitude, at least 1: what is smaller is dropped.
    #[inline(always)]
    fn least(&self, nearest: [[i32; PANEL]; NEAR]) -> [i32; PANEL] {
        let mut least = [0; PANEL];
        for lane in 0..PANEL {
            let (from_high, from_low) = self.places(lane);
            let near = |place: i32| nearest[(place - 1) as usize % NEAR][lane];
            least[lane] = if from_high == 0 {
                self.high[lane] + 1
            } else if self.tied(lane) {
                self.high[lane].max(1)
            } else if from_low < from_high {
                near(from_low) ^ i32::MAX
            } else {
                near(from_high)
            };
        }
        least
    }

    /// The `k`-th magnitude in mean magnitudes, over the lanes that had something to drop.
    #[inline(always)]
    fn ratio(&self, least: &[i32; PANEL]) -> Option<f32> {
        let (mut sum, mut means) = (0.0, 0.0);
        for lane in 0..PANEL {
            if self.high[lane] != 0 {
                sum += f32::from_bits(least[lane] as u32);
                means += self.mean[lane];
            }
        }
        let ratio = sum / means;
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }
}

/// Where more than `k` magnitudes were kept, the last are equal: keeps those of the lowest channels.
#[inline(always)]
fn drop_ties(k: i32, x: &mut [f32], least: &[i32; PANEL], kept: [i32; PANEL]) {
    for lane in 0..PANEL {
        let mut surplus = kept[lane] - k;
        for value in x.iter_mut().skip(lane).step_by(PANEL).rev() {
            if surplus <= 0 {
                break;
            }
            if value.abs().to_bits() as i32 == least[lane] {
                *value = 0.0;
                surplus -= 1;
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
        Cpu::new().abs_top_k(k, &mut got);
        // Bits, since no NaN is equal to itself; without the sign of zeros.
        let bits = |rows: Vec<f32>| -> Vec<u32> { rows.into_iter().map(|value| (value + 0.0).to_bits()).collect() };
        let (got, want) = (bits(got.to_rows()), bits(reference(k, x)));
        assert!(got == want, "k = {k}, {} channels, {} tokens", x.channels(), x.tokens());
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

    /// Zeros behind ReLU, channels with nothing but a bias, tokens larger than those of the panel before.
    #[test]
    fn keeps_the_largest_of_what_models_compute() {
        let mut random = Random::new(5);
        for channels in [32, 128, 301] {
            let mut x = random.activations(channels, 80);
            for channel in 0..channels {
                let bias = random.next();
                for token in 0..80 {
                    let value = x.get(token, channel);
                    let value =
                        if channel % 5 == 0 { bias } else { value * value * value * (1 + token * token) as f32 };
                    x.set(token, channel, if random.next() > 0.2 { value } else { 0.0 });
                }
            }
            for k in [1, channels / 8, channels / 4, channels / 2] {
                check(k, &x);
            }
        }
    }

    #[test]
    fn survives_nan_and_infinity() {
        let mut random = Random::new(6);
        let mut x = random.activations(40, 20);
        for (i, value) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX].into_iter().enumerate() {
            (0..20).for_each(|token| x.set(token, (7 * i + token) % 40, value));
        }
        for k in [1, 2, 3, 10, 39] {
            check(k, &x);
        }
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

    #[test]
    fn gradient_passes_to_the_kept_entries_only() {
        let mut random = Random::new(17);
        let (mut kept, dy) = (random.activations(9, 20), random.activations(9, 20));
        kept.data_mut().iter_mut().step_by(3).for_each(|value| *value = 0.0);
        let mut grad = dy.clone();
        Cpu::new().abs_top_k_backward(&kept, &mut grad);
        for (at, grad) in grad.data().iter().enumerate() {
            assert_eq!(*grad, if at % 3 == 0 { 0.0 } else { dy.data()[at] });
        }
    }
}
