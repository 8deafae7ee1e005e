// Node masks with mean ablation: x = m x + (1 - m) mean (Gao et al. 2025, A.5). Workgroups: [channels / 16, panels].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> mask: array<f32>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    if channel < CHANNELS {
        let at = (group.y * CHANNELS + channel) * PANEL + thread.x;
        let m = mask[channel];
        // exactly the value or exactly the mean at m = 1 and 0
        if m == 0.0 {
            x[at] = mean[channel];
        } else if m != 1.0 {
            x[at] = m * x[at] + (1.0 - m) * mean[channel];
        }
    }
}
