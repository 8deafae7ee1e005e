// x = x * scale + shift at single channels. The changes of one channel apply in their order.
// Workgroups: [changed channels / 16, panels].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> channels: array<vec4u>; // (channel, its first step, the end of its steps, 0)
@group(0) @binding(1) var<storage, read> steps: array<vec2u>; // (bits of scale, bits of shift)
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let i = group.x * SLICES + thread.y;
    if i < arrayLength(&channels) {
        let of_channel = channels[i];
        let at = (group.y * CHANNELS + of_channel.x) * PANEL + thread.x;
        var value = x[at];
        for (var s = of_channel.y; s < of_channel.z; s++) {
            let scale = bitcast<f32>(steps[s].x);
            let shift = bitcast<f32>(steps[s].y);
            // exactly the shift where the value is replaced
            value = select(value * scale + shift, shift, scale == 0.0);
        }
        x[at] = value;
    }
}
