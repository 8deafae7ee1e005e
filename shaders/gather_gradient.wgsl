// dtable_acc[rows[t], :] += dy[:, t]; the targets are rows.

@group(0) @binding(3) var<storage, read_write> dtable_acc: array<f32>; // [rows, channels]

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) thread: vec3u, @builtin(workgroup_id) group: vec3u) {
    let row = targets[group.y];
    if thread.x < CHANNELS {
        dtable_acc[row.x * CHANNELS + thread.x] += sum_columns(row, thread.x);
    }
}
