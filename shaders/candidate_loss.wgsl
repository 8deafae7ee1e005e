// losses[i] = -weight * log softmax([logit[want], logit[other]])[0], with its gradient at those two logits and 0 elsewhere and
// behind the last column. Workgroups: [vocabulary / 16, panels].

override CHANNELS: u32; // the vocabulary

@group(0) @binding(0) var<storage, read> pairs: array<u32>; // bits of the weight, then want and other of each column
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>; // one channel
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;

/// log(1 + e) for 0 <= e <= 1, as 2 artanh(e / (2 + e)): log() alone would lose a small e.
fn log_1p(e: f32) -> f32 {
    let z = e / (2.0 + e);
    let s = z * z;
    return 2.0 * z * (1.0 + s * (1.0 / 3.0 + s * (0.2 + s * (1.0 / 7.0 + s * (1.0 / 9.0 + s * (1.0 / 11.0 + s / 13.0))))));
}

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let column = group.y * PANEL + thread.x;
    let channel = group.x * SLICES + thread.y;
    if channel >= CHANNELS {
        return;
    }
    let base = group.y * CHANNELS * PANEL + thread.x;
    var loss = 0.0;
    var slope = 0.0;
    if 2u * column + 2u < arrayLength(&pairs) {
        let weight = bitcast<f32>(pairs[0]);
        let want = pairs[2u * column + 1u];
        let other = pairs[2u * column + 2u];
        let difference = logits[base + want * PANEL] - logits[base + other * PANEL];
        // e <= 1 on both sides, so nothing overflows
        let e = exp(-abs(difference));
        loss = weight * (log_1p(e) + max(-difference, 0.0));
        let odds = weight * select(1.0, e, difference > 0.0) / (1.0 + e);
        if channel == want {
            slope = -odds;
        }
        if channel == other {
            slope = odds;
        }
    }
    grad[base + channel * PANEL] = slope;
    if channel == 0u {
        losses[column] = loss;
    }
}
