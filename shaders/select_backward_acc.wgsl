// dx_acc[:, tokens[i]] += dy[:, i]. The host has sorted the columns of dy by token, so one thread sums the columns of a token that
// appears twice. Workgroups: [channels / 256, distinct tokens].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> targets: array<vec4u>; // (token, its first column, behind its last, 0)
@group(0) @binding(1) var<storage, read> columns: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx_acc: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) thread: vec3u, @builtin(workgroup_id) group: vec3u) {
    let channel = thread.x;
    if channel < CHANNELS {
        let target_token = targets[group.y];
        var sum = 0.0;
        for (var i = target_token.y; i < target_token.z; i++) {
            let column = columns[i];
            sum += dy[(column / PANEL * CHANNELS + channel) * PANEL + column % PANEL];
        }
        dx_acc[(target_token.x / PANEL * CHANNELS + channel) * PANEL + target_token.x % PANEL] += sum;
    }
}
