// y = f(x): ReLU or exact GELU, x / 2 * (1 + erf(x / sqrt(2))). Workgroups: [channels / 16, panels].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    if channel < CHANNELS {
        let at = (group.y * CHANNELS + channel) * PANEL + thread.x;
        let value = x[at];
        if KIND == 0u {
            y[at] = max(value, 0.0);
        } else {
            y[at] = 0.5 * value * (1.0 + erf(value * 0.70710677).x);
        }
    }
}
