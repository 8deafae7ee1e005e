// Precedes every kernel. Activations are stored in token panels, `[token / PANEL][channel][PANEL]`. A workgroup is PANEL lanes,
// the tokens of one panel, times SLICES threads that share the work of a lane, so 16 neighbouring threads read 16 neighbouring
// numbers. `thread.x` is the lane, `thread.y` the slice.

const PANEL = 16u;
const SLICES = 16u;
/// Below every number that a score or logit can be; a literal infinity is not allowed.
const LOWEST = -3.4028234e38;

var<workgroup> shared_numbers: array<f32, 256>; // [slice][lane]

/// The sum of `value` over the slices of each lane, given to all of them. Every thread of the workgroup must call it.
fn sum_slices(value: f32, thread: vec3u) -> f32 {
    let at = thread.y * PANEL + thread.x;
    shared_numbers[at] = value;
    workgroupBarrier();
    for (var rest = SLICES / 2u; rest > 0u; rest /= 2u) {
        if thread.y < rest {
            shared_numbers[at] += shared_numbers[at + rest * PANEL];
        }
        workgroupBarrier();
    }
    let sum = shared_numbers[thread.x];
    workgroupBarrier();
    return sum;
}

/// The largest `value` of the slices of each lane, given to all of them. Every thread of the workgroup must call it.
fn max_slices(value: f32, thread: vec3u) -> f32 {
    let at = thread.y * PANEL + thread.x;
    shared_numbers[at] = value;
    workgroupBarrier();
    for (var rest = SLICES / 2u; rest > 0u; rest /= 2u) {
        if thread.y < rest {
            shared_numbers[at] = max(shared_numbers[at], shared_numbers[at + rest * PANEL]);
        }
        workgroupBarrier();
    }
    let largest = shared_numbers[thread.x];
    workgroupBarrier();
    return largest;
}

/// The sum of `value` over the lanes of each slice, given to all of them. Every thread of the workgroup must call it.
fn sum_lanes(value: f32, thread: vec3u) -> f32 {
    let at = thread.y * PANEL + thread.x;
    shared_numbers[at] = value;
    workgroupBarrier();
    for (var rest = PANEL / 2u; rest > 0u; rest /= 2u) {
        if thread.x < rest {
            shared_numbers[at] += shared_numbers[at + rest];
        }
        workgroupBarrier();
    }
    let sum = shared_numbers[thread.y * PANEL];
    workgroupBarrier();
    return sum;
}
