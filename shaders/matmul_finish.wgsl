// Precedes matmul_dense and matmul_sparse, which have the tensors `bias` and `y`.

override ROWS: u32;
override COLS: u32;
/// What the sum starts from: 0 = zero, 1 = bias, 2 = y.
override START: u32;

/// Writes a number of y: the sum over the columns of a row, from its start.
fn finish(row: u32, panel: u32, lane: u32, sum: f32) {
    let at = (panel * ROWS + row) * PANEL + lane;
    var out = sum;
    if START == 1u {
        out += bias[row];
    } else if START == 2u {
        out += y[at];
    }
    y[at] = out;
}
