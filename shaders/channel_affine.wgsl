// x = x * scale + shift at single channels, at all tokens or at those listed. Edits of one channel apply in their order.
// Workgroups: [edited channels / 16, panels].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> edited: array<vec4u>; // (channel, its first change, behind its last, 0)
@group(0) @binding(1) var<storage, read> changes: array<vec4u>; // (token or EVERY, bits of scale, bits of shift, 0)
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

const EVERY = 0xffffffffu;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let i = group.x * SLICES + thread.y;
    if i < arrayLength(&edited) {
        let of_channel = edited[i];
        let token = group.y * PANEL + thread.x;
        let at = (group.y * CHANNELS + of_channel.x) * PANEL + thread.x;
        var value = x[at];
        for (var c = of_channel.y; c < of_channel.z; c++) {
            let change = changes[c];
            if change.x == token || change.x == EVERY {
                let scale = bitcast<f32>(change.y);
                let shift = bitcast<f32>(change.z);
                // exactly the shift where the value is replaced
                value = select(value * scale + shift, shift, scale == 0.0);
            }
        }
        x[at] = value;
    }
}
