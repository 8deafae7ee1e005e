// grad = 0 where kept is 0: AbsTopK passes gradient to the kept entries only. Workgroups: [channels / 16, panels].

override CHANNELS: u32;

// bits of f32: a subnormal number was kept, too
@group(0) @binding(0) var<storage, read> kept: array<u32>;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    if channel < CHANNELS {
        let at = (group.y * CHANNELS + channel) * PANEL + thread.x;
        if (kept[at] & 0x7fffffffu) == 0u {
            grad[at] = 0.0;
        }
    }
}
