// The inverse of concat: da = the first channels of dy, db = the others. Workgroups: [channels of dy / 16, panels].

override CHANNELS_A: u32;
override CHANNELS_B: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> da: array<f32>;
@group(0) @binding(2) var<storage, read_write> db: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    let at = (group.y * (CHANNELS_A + CHANNELS_B) + channel) * PANEL + thread.x;
    if channel < CHANNELS_A {
        da[(group.y * CHANNELS_A + channel) * PANEL + thread.x] = dy[at];
    } else if channel < CHANNELS_A + CHANNELS_B {
        db[(group.y * CHANNELS_B + channel - CHANNELS_A) * PANEL + thread.x] = dy[at];
    }
}
