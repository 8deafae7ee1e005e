// acc += delta. Workgroups: [channels / 16, panels].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> delta: array<f32>;
@group(0) @binding(1) var<storage, read_write> acc: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    if channel < CHANNELS {
        let at = (group.y * CHANNELS + channel) * PANEL + thread.x;
        acc[at] += delta[at];
    }
}
