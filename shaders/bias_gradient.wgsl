// db_acc += the sum of dy over tokens; dy is zero at padding. Workgroups: [channels / 16].

override CHANNELS: u32;

@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> db_acc: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let channel = group.x * SLICES + thread.y;
    var sum = 0.0;
    if channel < CHANNELS {
        let panels = arrayLength(&dy) / (CHANNELS * PANEL);
        for (var panel = 0u; panel < panels; panel++) {
            sum += dy[(panel * CHANNELS + channel) * PANEL + thread.x];
        }
    }
    sum = sum_lanes(sum, thread);
    if channel < CHANNELS && thread.x == 0u {
        db_acc[channel] += sum;
    }
}
