// x[c, to] = source[c, from] for each channel c and each pair (from, to); no two pairs have one `to`.
// Workgroups: [channels / 16, pairs / 16].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> channels: array<u32>;
@group(0) @binding(1) var<storage, read> pairs: array<vec2u>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let c = group.x * SLICES + thread.y;
    let p = group.y * PANEL + thread.x;
    if c < arrayLength(&channels) && p < arrayLength(&pairs) {
        let channel = channels[c];
        let from_token = pairs[p].x;
        let to_token = pairs[p].y;
        x[(to_token / PANEL * CHANNELS + channel) * PANEL + to_token % PANEL] =
            source[(from_token / PANEL * CHANNELS + channel) * PANEL + from_token % PANEL];
    }
}
