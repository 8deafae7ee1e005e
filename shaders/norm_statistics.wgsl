// Precedes norm and norm_backward_acc, which have the tensor `x`.

override CHANNELS: u32;
/// 0 = RMS norm, 1 = layer norm.
override LAYER_NORM: u32;
override EPS: f32;

/// Mean over channels and reciprocal standard deviation of each lane; the mean of an RMS norm is 0. Every thread must call it.
fn statistics(panel: u32, thread: vec3u) -> vec2f {
    let base = panel * CHANNELS * PANEL + thread.x;
    var mean = 0.0;
    if LAYER_NORM != 0u {
        var sum = 0.0;
        for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
            sum += x[base + channel * PANEL];
        }
        mean = sum_slices(sum, thread) / f32(CHANNELS);
    }
    var squares = 0.0;
    for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
        let centred = x[base + channel * PANEL] - mean;
        squares += centred * centred;
    }
    let variance = sum_slices(squares, thread) / f32(CHANNELS);
    return vec2f(mean, 1.0 / sqrt(variance + EPS));
}
