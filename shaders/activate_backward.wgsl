// grad *= f'(x), with x the input of the activation. Workgroups: [channels / 16, panels].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> grad: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    if channel < CHANNELS {
        let at = (group.y * CHANNELS + channel) * PANEL + thread.x;
        let value = x[at];
        if KIND == 0u {
            grad[at] = select(0.0, grad[at], value > 0.0);
        } else {
            // the normal distribution's cumulative probability and density
            let parts = erf(value * 0.70710677);
            grad[at] *= 0.5 * (1.0 + parts.x) + value * parts.y * 0.3989423;
        }
    }
}
