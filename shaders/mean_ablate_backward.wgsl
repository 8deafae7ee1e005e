// dmask_acc += sum over tokens of grad * (before - mean); grad *= mask. Workgroups: [channels / 16].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> mask: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;
@group(0) @binding(4) var<storage, read_write> dmask_acc: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    var sum = 0.0;
    if channel < CHANNELS {
        let panels = arrayLength(&before) / (CHANNELS * PANEL);
        for (var panel = 0u; panel < panels; panel++) {
            let at = (panel * CHANNELS + channel) * PANEL + thread.x;
            let g = grad[at];
            sum += g * (before[at] - mean[channel]);
            grad[at] = g * mask[channel];
        }
    }
    sum = sum_lanes(sum, thread);
    if channel < CHANNELS && thread.x == 0u {
        dmask_acc[channel] += sum;
    }
}
