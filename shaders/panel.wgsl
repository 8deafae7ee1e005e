// Precedes every kernel. Activations are stored in token panels, `[token / PANEL][channel][PANEL]`. A workgroup is PANEL lanes,
// the tokens of one panel, times SLICES threads that share the work of a lane, so 16 neighbouring threads read 16 neighbouring
// numbers. `thread.x` is the lane, `thread.y` the slice.

const PANEL = 16u;
const SLICES = 16u;
/// Below every number that a score or logit can be; a literal infinity is not allowed.
const LOWEST = -3.4028234e38;

var<workgroup> shared_numbers: array<f32, 256>; // [slice][lane]

/// Folds the `value`s of 16 threads by halves: their sum, or the largest. A thread is the `own`th of its 16, whose numbers begin at
/// `first` and are `stride` apart. Every thread of the workgroup must call it.
fn fold(value: f32, own: u32, first: u32, stride: u32, largest: bool) -> f32 {
    let at = first + own * stride;
    shared_numbers[at] = value;
    workgroupBarrier();
    for (var rest = 8u; rest > 0u; rest /= 2u) {
        if own < rest {
            let other = shared_numbers[at + rest * stride];
            shared_numbers[at] = select(shared_numbers[at] + other, max(shared_numbers[at], other), largest);
        }
        workgroupBarrier();
    }
    let result = shared_numbers[first];
    workgroupBarrier();
    return result;
}

/// The sum of `value` over the slices of each lane, given to all of them. Every thread of the workgroup must call it.
fn sum_slices(value: f32, thread: vec3u) -> f32 {
    return fold(value, thread.y, thread.x, PANEL, false);
}

/// The largest `value` of the slices of each lane, given to all of them. Every thread of the workgroup must call it.
fn max_slices(value: f32, thread: vec3u) -> f32 {
    return fold(value, thread.y, thread.x, PANEL, true);
}

/// The sum of `value` over the lanes of each slice, given to all of them. Every thread of the workgroup must call it.
fn sum_lanes(value: f32, thread: vec3u) -> f32 {
    return fold(value, thread.x, thread.y * PANEL, 1u, false);
}
