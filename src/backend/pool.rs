//! Memory to use again: fresh memory costs a page fault every 4 KB on the CPU, and an allocation on a GPU.

use std::collections::HashMap;

/// Buffers of numbers, kept by size class. A class is a power of two, so a prompt that grows by a token finds its buffers again,
/// and prompts of every length share one set of buffers per class.
///
/// **Bound.** Of each class the pool keeps no more buffers than were lent at one time. Classes double, so over passes of all lengths it
/// keeps at most 4 times the numbers that the longest pass has in use at one time: 2 for the rounding, 2 for the shorter classes.
pub(super) struct Pool<T> {
    classes: HashMap<usize, Class<T>>,
    /// Numbers of the largest buffer that the device can use.
    largest: usize,
}

struct Class<T> {
    kept: Vec<T>,
    lent: usize,
    max_lent: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool::new(usize::MAX)
    }
}

impl<T> Pool<T> {
    pub fn new(largest: usize) -> Self {
        Pool { classes: HashMap::new(), largest }
    }

    /// The size of a buffer that holds `numbers` numbers.
    pub fn class(&self, numbers: usize) -> usize {
        numbers.next_power_of_two().min(self.largest).max(numbers)
    }

    /// Lends a buffer of the class of `numbers`: one from the pool, else a new one from `make`, which is given the class.
    pub fn take(&mut self, numbers: usize, make: impl FnOnce(usize) -> T) -> T {
        let size = self.class(numbers);
        let class = self.classes.entry(size).or_insert_with(|| Class { kept: Vec::new(), lent: 0, max_lent: 0 });
        class.lent += 1;
        class.max_lent = class.max_lent.max(class.lent);
        class.kept.pop().unwrap_or_else(|| make(size))
    }

    /// Takes a buffer of the class of `numbers` back. Drops it when the class is full, as it is for a buffer that the pool has not lent.
    pub fn give_back(&mut self, numbers: usize, buffer: T) {
        let size = self.class(numbers);
        if let Some(class) = self.classes.get_mut(&size) {
            class.lent = class.lent.saturating_sub(1);
            if class.kept.len() < class.max_lent {
                class.kept.push(buffer);
            }
        }
    }

    /// The numbers that all kept buffers hold.
    pub fn kept_numbers(&self) -> usize {
        self.classes.iter().map(|(size, class)| size * class.kept.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_has_lent_and_no_more() {
        let mut pool = Pool::default();
        let lent: Vec<usize> = (0..3).map(|_| pool.take(100, |size| size)).collect();
        assert_eq!(lent, [128; 3]);
        for buffer in lent.into_iter().chain([128, 128]) {
            pool.give_back(100, buffer);
        }
        assert_eq!(pool.kept_numbers(), 3 * 128);
        // another length of the class makes no buffer
        assert_eq!(pool.take(65, |_| unreachable!("there is one to use again")), 128);
        pool.give_back(65, 128);
        // of a class from which none was lent
        pool.give_back(1000, 1024);
        assert_eq!(pool.kept_numbers(), 3 * 128);
    }

    /// A pass of each of 64 lengths, with `shapes` lent at once.
    #[test]
    fn every_length_keeps_at_most_four_times_the_longest() {
        let shapes = [24, 24, 100, 7, 512];
        let mut pool = Pool::default();
        for panels in (1..=64).chain((1..=64).rev()) {
            let lent = shapes.map(|channels| (channels * panels * 16, pool.take(channels * panels * 16, |_| ())));
            lent.into_iter().for_each(|(numbers, buffer)| pool.give_back(numbers, buffer));
        }
        let longest: usize = shapes.iter().map(|channels| channels * 64 * 16).sum();
        assert!(pool.kept_numbers() <= 4 * longest, "{} of {longest}", pool.kept_numbers());
    }
}
