// dtable_acc[rows[t], :] += dy[:, t]. The host has sorted the tokens by row, so one thread sums the tokens of a row that appears
// twice. Workgroups: [channels / 256, distinct rows].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> targets: array<vec4u>; // (row, its first token, behind its last, 0)
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dtable_acc: array<f32>; // [rows, channels]

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) thread: vec3u, @builtin(workgroup_id) group: vec3u) {
    let channel = thread.x;
    if channel < CHANNELS {
        let target_row = targets[group.y];
        var sum = 0.0;
        for (var i = target_row.y; i < target_row.z; i++) {
            let token = tokens[i];
            sum += dy[(token / PANEL * CHANNELS + channel) * PANEL + token % PANEL];
        }
        dtable_acc[target_row.x * CHANNELS + channel] += sum;
    }
}
