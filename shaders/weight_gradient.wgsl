// dw_acc += dy x^T, dense; dy is zero at padding. Workgroups: [columns / 16, rows / 16], one square of dw each.

override ROWS: u32;
override COLS: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>; // ROWS channels
@group(0) @binding(1) var<storage, read> x: array<f32>; // COLS channels
@group(0) @binding(2) var<storage, read_write> dw_acc: array<f32>; // [ROWS, COLS]

// [channel][lane], one number a row left free so that the threads of a column do not queue for one memory bank
const STRIDE = 17u;
var<workgroup> dy_tile: array<f32, 272>;
var<workgroup> x_tile: array<f32, 272>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let first_row = group.y * 16u;
    let first_col = group.x * 16u;
    let panels = arrayLength(&x) / (COLS * PANEL);
    var sum = 0.0;
    for (var panel = 0u; panel < panels; panel++) {
        var dy_here = 0.0;
        if first_row + thread.y < ROWS {
            dy_here = dy[(panel * ROWS + first_row + thread.y) * PANEL + thread.x];
        }
        var x_here = 0.0;
        if first_col + thread.y < COLS {
            x_here = x[(panel * COLS + first_col + thread.y) * PANEL + thread.x];
        }
        dy_tile[thread.y * STRIDE + thread.x] = dy_here;
        x_tile[thread.y * STRIDE + thread.x] = x_here;
        workgroupBarrier();
        for (var lane = 0u; lane < PANEL; lane++) {
            sum += dy_tile[thread.y * STRIDE + lane] * x_tile[thread.x * STRIDE + lane];
        }
        workgroupBarrier();
    }
    let row = first_row + thread.y;
    let col = first_col + thread.x;
    if row < ROWS && col < COLS {
        dw_acc[row * COLS + col] += sum;
    }
}
