// y = w x, + bias or + y: dense weights times activations; with TRANSPOSED `w` is stored as [COLS, ROWS] and read by
// columns (matmul_backward, matmul_backward_acc). Workgroups: [rows / 64, panels].
//
// A workgroup makes 64 rows of one panel, four rows a thread, from tiles of 16 columns in workgroup memory.

override TRANSPOSED: u32;

@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const BLOCK = 64u; // rows of a workgroup
const TILE = 16u; // columns of a step

var<workgroup> w_tile: array<f32, 1024>; // [TILE][BLOCK]
var<workgroup> x_tile: array<f32, 256>; // [TILE][PANEL]

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let first_row = group.x * BLOCK;
    let index = thread.y * PANEL + thread.x;
    var sums = vec4f();
    for (var first_col = 0u; first_col < COLS; first_col += TILE) {
        var x_here = 0.0;
        if first_col + thread.y < COLS {
            x_here = x[(group.y * COLS + first_col + thread.y) * PANEL + thread.x];
        }
        x_tile[index] = x_here;
        for (var i = 0u; i < 4u; i++) {
            // neighbouring threads read neighbouring weights, in either layout of w
            let at = i * 256u + index;
            var row = at / TILE;
            var col = at % TILE;
            if TRANSPOSED != 0u {
                row = at % BLOCK;
                col = at / BLOCK;
            }
            var weight = 0.0;
            if first_row + row < ROWS && first_col + col < COLS {
                if TRANSPOSED != 0u {
                    weight = w[(first_col + col) * ROWS + first_row + row];
                } else {
                    weight = w[(first_row + row) * COLS + first_col + col];
                }
            }
            w_tile[col * BLOCK + row] = weight;
        }
        workgroupBarrier();
        for (var col = 0u; col < TILE; col++) {
            let at = col * BLOCK + thread.y * 4u;
            let weights = vec4f(w_tile[at], w_tile[at + 1u], w_tile[at + 2u], w_tile[at + 3u]);
            sums += weights * x_tile[col * PANEL + thread.x];
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let row = first_row + thread.y * 4u + i;
        if row < ROWS {
            finish(row, group.y, thread.x, sums[i]);
        }
    }
}
