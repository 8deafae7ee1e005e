// Precedes gather_gradient and select_backward_acc. The host has sorted the columns of dy by target, so one thread sums the columns of a
// target that appears twice. Workgroups: [channels / 256, distinct targets].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> targets: array<vec4u>; // (target, its first column, behind its last, 0)
@group(0) @binding(1) var<storage, read> columns: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;

/// The sum of a target's columns at one channel.
fn sum_columns(of_target: vec4u, channel: u32) -> f32 {
    var sum = 0.0;
    for (var i = of_target.y; i < of_target.z; i++) {
        let column = columns[i];
        sum += dy[(column / PANEL * CHANNELS + channel) * PANEL + column % PANEL];
    }
    return sum;
}
