// With n = (x - mean) * scale and g = dy * gain: dx_acc += scale * (g - mean(g) - n * mean(g * n)), the middle term for layer norm
// only. `main` workgroups: [panels]. `gain_gradient`: dgain_acc += sum over tokens of dy * n; workgroups: [channels / 16].

override GAIN: u32; // 1 where there is a gain

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx_acc: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics_out: array<vec2f>; // (mean, scale) of each token, for gain_gradient
@group(0) @binding(5) var<storage, read> statistics_in: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> dgain_acc: array<f32>;

fn gained(channel: u32, value: f32) -> f32 {
    if GAIN != 0u {
        return value * gain[channel];
    }
    return value;
}

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let of_lane = statistics(group.x, thread);
    let mean = of_lane.x;
    let scale = of_lane.y;
    let base = group.x * CHANNELS * PANEL + thread.x;
    var own_g = 0.0;
    var own_gn = 0.0;
    for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
        let at = base + channel * PANEL;
        let g = gained(channel, dy[at]);
        own_g += g;
        own_gn += g * ((x[at] - mean) * scale);
    }
    var mean_g = 0.0;
    if LAYER_NORM != 0u {
        mean_g = sum_slices(own_g, thread) / f32(CHANNELS);
    }
    let mean_gn = sum_slices(own_gn, thread) / f32(CHANNELS);
    for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
        let at = base + channel * PANEL;
        let n = (x[at] - mean) * scale;
        dx_acc[at] += scale * (gained(channel, dy[at]) - mean_g - n * mean_gn);
    }
    if thread.y == 0u {
        statistics_out[group.x * PANEL + thread.x] = of_lane;
    }
}

@compute @workgroup_size(16, 16)
fn gain_gradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    var sum = 0.0;
    if channel < CHANNELS {
        for (var token = thread.x; token < arrayLength(&statistics_in); token += PANEL) {
            let at = (token / PANEL * CHANNELS + channel) * PANEL + thread.x;
            let of_token = statistics_in[token];
            sum += dy[at] * ((x[at] - of_token.x) * of_token.y);
        }
    }
    sum = sum_lanes(sum, thread);
    if channel < CHANNELS && thread.x == 0u {
        dgain_acc[channel] += sum;
    }
}
