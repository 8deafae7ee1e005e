// y = w x, + bias or + y: sparse (CSR) weights times activations. matmul_backward and matmul_backward_acc are the same with the transposed
// weights. Workgroups: [long rows + other rows / 16, panels].
//
// A lane is a token, so every load of x is 16 neighbouring numbers. The host has sorted the rows by falling number of nonzeros:
// the 16 rows of a workgroup are of about one length. A long row has a workgroup of its own, whose slices share its nonzeros.

@group(0) @binding(0) var<storage, read> indptr: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>; // the number of long rows, then the rows, longest first
@group(0) @binding(2) var<storage, read> entries: array<vec2u>; // (column, bits of the value)
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

/// Every `step`th nonzero of a row from the `first` on, times the lane's activations.
fn part(row: u32, first: u32, step: u32, base: u32) -> f32 {
    let end = indptr[row + 1u];
    var sum = 0.0;
    for (var i = indptr[row] + first; i < end; i += step) {
        let entry = entries[i];
        sum += bitcast<f32>(entry.y) * x[base + entry.x * PANEL];
    }
    return sum;
}

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let long_rows = order[0];
    let base = group.y * COLS * PANEL + thread.x;
    if group.x < long_rows {
        let row = order[1u + group.x];
        let sum = sum_slices(part(row, thread.y, SLICES, base), thread);
        if thread.y == 0u {
            finish(row, group.y, thread.x, sum);
        }
    } else {
        let i = long_rows + (group.x - long_rows) * SLICES + thread.y;
        if i < ROWS {
            let row = order[1u + i];
            finish(row, group.y, thread.x, part(row, 0u, 1u, base));
        }
    }
}
