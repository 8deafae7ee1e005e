// dx_acc[:, tokens[i]] += dy[:, i]; the targets are tokens.

@group(0) @binding(3) var<storage, read_write> dx_acc: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) thread: vec3u, @builtin(workgroup_id) group: vec3u) {
    let token = targets[group.y];
    if thread.x < CHANNELS {
        dx_acc[(token.x / PANEL * CHANNELS + thread.x) * PANEL + token.x % PANEL] += sum_columns(token, thread.x);
    }
}
