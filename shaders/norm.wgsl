// RMS norm: y = x / sqrt(mean(x^2) + eps) * gain + bias; layer norm: the same of x - mean(x). Over channels, per token.
// Workgroups: [panels].

override GAIN: u32; // 1 where there is a gain
override BIAS: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let of_lane = statistics(group.x, thread);
    let base = group.x * CHANNELS * PANEL + thread.x;
    for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
        var out = (x[base + channel * PANEL] - of_lane.x) * of_lane.y;
        if GAIN != 0u {
            out *= gain[channel];
        }
        if BIAS != 0u {
            out += bias[channel];
        }
        y[base + channel * PANEL] = out;
    }
}
