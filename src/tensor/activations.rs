//! Activations in token panels.

/// Tokens per panel. A row of a sparse product keeps `PANEL` accumulators in registers: 16 lanes are one AVX-512, two AVX2 or four
/// simd128 registers.
pub const PANEL: usize = 16;

/// A matrix of activations, `channels` x `tokens`, stored as `[token / PANEL][channel][PANEL]` (f32).
///
/// The last panel is padded. Padding lanes hold finite numbers that nothing reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    channels: usize,
    tokens: usize,
    data: Vec<f32>,
}

impl Activations {
    pub fn zeros(channels: usize, tokens: usize) -> Self {
        let data = vec![0.0; Self::numbers(channels, tokens)];
        Activations { channels, tokens, data }
    }

    /// How many numbers activations of this shape hold, padding included.
    pub fn numbers(channels: usize, tokens: usize) -> usize {
        channels * tokens.div_ceil(PANEL) * PANEL
    }

    /// Uses the memory of `buffer`, in the layout of [`Activations::data`]. Numbers that it does not hold are zero.
    pub fn from_buffer(channels: usize, tokens: usize, mut buffer: Vec<f32>) -> Self {
        buffer.resize(Self::numbers(channels, tokens), 0.0);
        Activations { channels, tokens, data: buffer }
    }

    /// The memory, for [`Activations::from_buffer`].
    pub fn into_buffer(self) -> Vec<f32> {
        self.data
    }

    /// From row-major `[tokens, channels]`. `rows.len()` must be a multiple of `channels`.
    pub fn from_rows(rows: &[f32], channels: usize) -> Self {
        assert!(channels > 0 && rows.len() % channels == 0, "rows of {channels} channels");
        let mut out = Activations::zeros(channels, rows.len() / channels);
        for (token, row) in rows.chunks_exact(channels).enumerate() {
            for (channel, &value) in row.iter().enumerate() {
                out.set(token, channel, value);
            }
        }
        out
    }

    /// Row-major `[tokens, channels]`.
    pub fn to_rows(&self) -> Vec<f32> {
        let mut rows = Vec::with_capacity(self.tokens * self.channels);
        for token in 0..self.tokens {
            rows.extend((0..self.channels).map(|channel| self.get(token, channel)));
        }
        rows
    }

    pub fn channels(&self) -> usize {
        self.channels
    }

    pub fn tokens(&self) -> usize {
        self.tokens
    }

    pub fn panels(&self) -> usize {
        self.tokens.div_ceil(PANEL)
    }

    #[inline]
    fn position(&self, token: usize, channel: usize) -> usize {
        (token / PANEL * self.channels + channel) * PANEL + token % PANEL
    }

    #[inline]
    pub fn get(&self, token: usize, channel: usize) -> f32 {
        self.data[self.position(token, channel)]
    }

    #[inline]
    pub fn set(&mut self, token: usize, channel: usize, value: f32) {
        let at = self.position(token, channel);
        self.data[at] = value;
    }

    /// Panel `i`: `channels * PANEL` numbers, `[channel][PANEL]`.
    #[inline]
    pub fn panel(&self, i: usize) -> &[f32] {
        &self.data[i * self.channels * PANEL..][..self.channels * PANEL]
    }

    #[inline]
    pub fn panel_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.data[i * self.channels * PANEL..][..self.channels * PANEL]
    }

    pub fn data(&self) -> &[f32] {
        &self.data
    }

    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_panels() {
        for tokens in 1..=35 {
            for channels in [1, 2, 7, 16] {
                let rows: Vec<f32> = (0..tokens * channels).map(|i| i as f32).collect();
                assert_eq!(Activations::from_rows(&rows, channels).to_rows(), rows);
            }
        }
    }
}
