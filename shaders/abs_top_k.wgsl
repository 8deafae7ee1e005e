// Per token keeps the K largest magnitudes and zeroes the rest, in place; of equal magnitudes the lower channels are kept.
// K is below CHANNELS. Workgroups: [panels].
//
// Magnitudes of floats order like their bits, infinities and NaN last. The K-th largest is found digit by digit, four bits a pass, from counts of the
// magnitudes that begin with the digits found so far (a radix selection); ties need no extra search.

override CHANNELS: u32;
override K: u32;

// bits of f32: no arithmetic that might flush a subnormal number to zero
@group(0) @binding(0) var<storage, read_write> x: array<u32>;

const MAGNITUDE = 0x7fffffffu;

var<workgroup> counts: array<atomic<u32>, 256>; // [digit][lane]
var<workgroup> digits: array<u32, 16>; // found so far, by lane
var<workgroup> wanted: array<u32, 16>; // how many of the magnitudes with these digits are kept
var<workgroup> ties: array<u32, 256>; // [slice][lane]

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let lane = thread.x;
    let slice = thread.y;
    let base = group.x * CHANNELS * PANEL + lane;
    // a slice has neighbouring channels, so that ties can be settled in their order
    let share = (CHANNELS + SLICES - 1u) / SLICES;
    let first = min(slice * share, CHANNELS);
    let end = min(first + share, CHANNELS);
    if slice == 0u {
        digits[lane] = 0u;
        wanted[lane] = K;
    }
    for (var pass_index = 0u; pass_index < 8u; pass_index++) {
        let shift = 28u - 4u * pass_index;
        atomicStore(&counts[slice * PANEL + lane], 0u);
        workgroupBarrier();
        for (var channel = first; channel < end; channel++) {
            let magnitude = x[base + channel * PANEL] & MAGNITUDE;
            if pass_index == 0u || (magnitude >> (shift + 4u)) == digits[lane] {
                atomicAdd(&counts[((magnitude >> shift) & 15u) * PANEL + lane], 1u);
            }
        }
        workgroupBarrier();
        if slice == 0u {
            var missing = wanted[lane];
            var digit = 15u;
            loop {
                let count = atomicLoad(&counts[digit * PANEL + lane]);
                if count >= missing || digit == 0u {
                    break;
                }
                missing -= count;
                digit -= 1u;
            }
            digits[lane] = (digits[lane] << 4u) | digit;
            wanted[lane] = missing;
        }
        workgroupBarrier();
    }
    let threshold = digits[lane];
    var tied = 0u;
    for (var channel = first; channel < end; channel++) {
        tied += u32((x[base + channel * PANEL] & MAGNITUDE) == threshold);
    }
    ties[slice * PANEL + lane] = tied;
    workgroupBarrier();
    var before = 0u;
    for (var other = 0u; other < slice; other++) {
        before += ties[other * PANEL + lane];
    }
    for (var channel = first; channel < end; channel++) {
        let at = base + channel * PANEL;
        let magnitude = x[at] & MAGNITUDE;
        var keep = magnitude > threshold;
        if magnitude == threshold {
            keep = before < wanted[lane];
            before += 1u;
        }
        if !keep {
            x[at] = 0u;
        }
    }
}
