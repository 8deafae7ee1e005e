// losses[t] = -weight * log softmax(logits[t])[target], grad = weight * (softmax - onehot); both 0 where the target is ignored and
// after the last token. Workgroups: [panels].

override CHANNELS: u32; // the vocabulary

@group(0) @binding(0) var<storage, read> targets: array<u32>; // bits of the weight, then one target per token
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>; // one channel
@group(0) @binding(3) var<storage, read_write> grad: array<f32>;

const IGNORE = 0xffffffffu;

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let token = group.x * PANEL + thread.x;
    var wanted = IGNORE;
    if token + 1u < arrayLength(&targets) {
        wanted = targets[token + 1u];
    }
    let weight = select(bitcast<f32>(targets[0]), 0.0, wanted == IGNORE);
    let base = group.x * CHANNELS * PANEL + thread.x;
    var own_largest = LOWEST;
    for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
        own_largest = max(own_largest, logits[base + channel * PANEL]);
    }
    let largest = max_slices(own_largest, thread);
    var own_sum = 0.0;
    for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
        own_sum += exp(logits[base + channel * PANEL] - largest);
    }
    let sum = sum_slices(own_sum, thread);
    for (var channel = thread.y; channel < CHANNELS; channel += SLICES) {
        var slope = 0.0;
        if wanted != IGNORE {
            slope = exp(logits[base + channel * PANEL] - largest) * (weight / sum);
        }
        if channel == wanted {
            slope -= weight;
        }
        grad[base + channel * PANEL] = slope;
    }
    if thread.y == 0u {
        var loss = 0.0;
        if wanted != IGNORE {
            loss = weight * (log(sum) + largest - logits[base + wanted * PANEL]);
        }
        losses[token] = loss;
    }
}
