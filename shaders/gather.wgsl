// y[:, t] = table[rows[t], :], or += where ADD: token embeddings, positions, the bigram bias.
// `dense` workgroups: [channels / 16, panels]. `sparse`, which only adds: [1, panels].

override CHANNELS: u32;
override ADD: u32;

@group(0) @binding(0) var<storage, read> rows: array<u32>; // one per token, without padding
@group(0) @binding(1) var<storage, read> table: array<f32>; // [rows, channels]
@group(0) @binding(2) var<storage, read> indptr: array<u32>;
@group(0) @binding(3) var<storage, read> entries: array<vec2u>; // (column, bits of the value)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn dense(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    let token = group.y * PANEL + thread.x;
    if channel < CHANNELS && token < arrayLength(&rows) {
        let value = table[rows[token] * CHANNELS + channel];
        let at = (group.y * CHANNELS + channel) * PANEL + thread.x;
        if ADD != 0u {
            y[at] += value;
        } else {
            y[at] = value;
        }
    }
}

// The slices of a lane share the entries of its row. The columns of a row differ, so no two threads add to the same number.
@compute @workgroup_size(16, 16)
fn sparse(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let token = group.y * PANEL + thread.x;
    if token < arrayLength(&rows) {
        let row = rows[token];
        let end = indptr[row + 1u];
        for (var i = indptr[row] + thread.y; i < end; i += SLICES) {
            let entry = entries[i];
            y[(group.y * CHANNELS + entry.x) * PANEL + thread.x] += bitcast<f32>(entry.y);
        }
    }
}
