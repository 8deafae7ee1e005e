// Multiply-adds of numbers in registers, sixteen independent sums a thread: no product on the device exceeds their rate.
// Each sum goes from 0 towards 2 w; y becomes their mean. Workgroups: [numbers / 256, 1].

override ROUNDS: u32;

@group(0) @binding(0) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let at = group.x * 256u + thread.y * 16u + thread.x;
    if at >= arrayLength(&y) {
        return;
    }
    // from memory, so that no compiler knows the sums beforehand
    let w = vec4f(y[at]);
    let half = vec4f(0.5);
    var a = vec4f();
    var b = vec4f();
    var c = vec4f();
    var d = vec4f();
    for (var round = 0u; round < ROUNDS; round++) {
        a = fma(a, half, w);
        b = fma(b, half, w);
        c = fma(c, half, w);
        d = fma(d, half, w);
    }
    y[at] = dot(a + b + c + d, vec4f(1.0 / 16.0));
}
