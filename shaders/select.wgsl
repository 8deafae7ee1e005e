// y[:, i] = x[:, tokens[i]]; zero after the last i. Workgroups: [channels / 16, panels of y].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> tokens: array<u32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    let i = group.y * PANEL + thread.x;
    if channel < CHANNELS {
        var value = 0.0;
        if i < arrayLength(&tokens) {
            let token = tokens[i];
            value = x[(token / PANEL * CHANNELS + channel) * PANEL + token % PANEL];
        }
        y[(group.y * CHANNELS + channel) * PANEL + thread.x] = value;
    }
}
