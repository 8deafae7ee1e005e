// Causal attention inside each sequence with scores q . k * SCALE; a sink is one more logit a head whose value is zero.
// Workgroups: [tiles, heads]; a tile is a panel of queries, one per lane.
//
// Keys come in blocks of 64. The softmax runs along: when a block has a larger score than all before, what was summed is scaled
// down. `y` itself is the sum of values.

override CHANNELS: u32;
override D_HEAD: u32;
override SCALE: f32;
override SINKS: u32; // 1 where there are sinks

@group(0) @binding(0) var<storage, read> tiles: array<vec4u>; // (panel, position of its first query, first token of the sequence, its length)
@group(0) @binding(1) var<storage, read> sinks: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

const KEYS = 64u;
var<workgroup> weights: array<f32, 1024>; // [key of the block][lane]

@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
    let tile = tiles[group.x];
    let query = tile.y + thread.x;
    let first_channel = group.y * D_HEAD;
    let own = (tile.x * CHANNELS + first_channel) * PANEL + thread.x;
    // no query of this tile sees a key from here on
    let end = min(tile.y + PANEL, tile.w);

    var largest = LOWEST;
    var sum = 0.0;
    if SINKS != 0u {
        largest = sinks[group.y];
        sum = 1.0;
    }
    for (var first_key = 0u; first_key < end; first_key += KEYS) {
        var scores = vec4f(LOWEST);
        for (var i = 0u; i < 4u; i++) {
            let key = first_key + i * SLICES + thread.y;
            if key <= query && key < end {
                let token = tile.z + key;
                let key_at = (token / PANEL * CHANNELS + first_channel) * PANEL + token % PANEL;
                var score = 0.0;
                for (var c = 0u; c < D_HEAD; c++) {
                    score += q[own + c * PANEL] * k[key_at + c * PANEL];
                }
                scores[i] = score * SCALE;
            }
        }
        let block_largest = max_slices(max(max(scores.x, scores.y), max(scores.z, scores.w)), thread);
        let new_largest = max(largest, block_largest);
        let shrink = exp(largest - new_largest);
        var own_sum = 0.0;
        for (var i = 0u; i < 4u; i++) {
            let key = first_key + i * SLICES + thread.y;
            var weight = 0.0;
            if key <= query && key < end {
                weight = exp(scores[i] - new_largest);
            }
            weights[(i * SLICES + thread.y) * PANEL + thread.x] = weight;
            own_sum += weight;
        }
        sum = sum * shrink + sum_slices(own_sum, thread);
        largest = new_largest;
        let keys = min(KEYS, end - first_key);
        for (var c = thread.y; c < D_HEAD; c += SLICES) {
            var out = 0.0;
            if first_key > 0u {
                out = y[own + c * PANEL] * shrink;
            }
            for (var i = 0u; i < keys; i++) {
                let token = tile.z + first_key + i;
                out += weights[i * PANEL + thread.x] * v[(token / PANEL * CHANNELS + first_channel + c) * PANEL + token % PANEL];
            }
            y[own + c * PANEL] = out;
        }
        workgroupBarrier();
    }
    for (var c = thread.y; c < D_HEAD; c += SLICES) {
        y[own + c * PANEL] /= sum;
    }
}
