// The backward of attention. With p the attention weights and dp_ts = dy_t . v_s: D_t = sum_s p_ts dp_ts, ds_ts = p_ts (dp_ts - D_t),
// dq_t = SCALE sum_s ds_ts k_s, dk_s = SCALE sum_t ds_ts q_t, dv_s = sum_t p_ts dy_t; the sink's logit gets - sum_t p_t,sink D_t.
//
// Three entry points, in this order: `queries` (a lane is a query) recomputes the softmax and makes dq; `keys` (a lane is a key)
// makes dk and dv without atomics; `sink_gradient` sums over tokens. Workgroups: [tiles, heads]; of sink_gradient [1, heads].

override CHANNELS: u32;
override D_HEAD: u32;
override SCALE: f32;
override SINKS: u32; // 1 where there are sinks

@group(0) @binding(0) var<storage, read> tiles: array<vec4u>; // (panel, position of its first token, first token of the sequence, its length)
@group(0) @binding(1) var<storage, read> sinks: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<f32>;
// (largest score, 1 / sum, D, the sink's weight * D) of each head and token: [token][head]
@group(0) @binding(6) var<storage, read_write> softmax_out: array<vec4f>;
@group(0) @binding(7) var<storage, read> softmax_in: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> dq: array<f32>;
@group(0) @binding(9) var<storage, read_write> dk: array<f32>;
@group(0) @binding(10) var<storage, read_write> dv: array<f32>;
@group(0) @binding(11) var<storage, read_write> dsinks_acc: array<f32>;

const BLOCK = 64u; // keys, or queries, of a step
var<workgroup> p_block: array<f32, 1024>; // [key or query of the block][lane]
var<workgroup> ds_block: array<f32, 1024>;

fn place(token: u32, first_channel: u32) -> u32 {
    return (token / PANEL * CHANNELS + first_channel) * PANEL + token % PANEL;
}

/// (score, dp) of a query and a key, whose channels begin at these places.
fn products(query_at: u32, key_at: u32) -> vec2f {
    var score = 0.0;
    var dp = 0.0;
    for (var c = 0u; c < D_HEAD; c++) {
        score += q[query_at + c * PANEL] * k[key_at + c * PANEL];
        dp += dy[query_at + c * PANEL] * v[key_at + c * PANEL];
    }
    return vec2f(score * SCALE, dp);
}

@compute @workgroup_size(16, 16)
fn queries(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_id) thread: vec3u) {
    let tile = tiles[group.x];
    let query = tile.y + thread.x;
    let first_channel = group.y * D_HEAD;
    let own = place(tile.x * PANEL + thread.x, first_channel);
    let end = min(tile.y + PANEL, tile.w);

    // each slice runs through its own keys, then the slices are put together
    var own_largest = LOWEST;
    var own_sum = 0.0;
    var own_d = 0.0;
    for (var key = thread.y; key < end; key += SLICES) {
        if key <= query {
            let pair = products(own, place(tile.z + key, first_channel));
            let new_largest = max(own_largest, pair.x);
            let shrink = exp(own_largest - new_largest);
            let weight = exp(pair.x - new_largest);
            own_sum = own_sum * shrink + weight;
            own_d = own_d * shrink + weight * pair.y;
            own_largest = new_largest;
        }
    }
    var sink = LOWEST;
    if SINKS != 0u {
        sink = sinks[group.y];
    }
    let largest = max(sink, max_slices(own_largest, thread));
    let shrink = exp(own_largest - largest);
    var sum = sum_slices(own_sum * shrink, thread);
    var sink_weight = 0.0;
    if SINKS != 0u {
        sink_weight = exp(sink - largest);
        sum += sink_weight;
    }
    let d = sum_slices(own_d * shrink, thread) / sum;
    if thread.y == 0u {
        softmax_out[(tile.x * PANEL + thread.x) * groups.y + group.y] = vec4f(largest, 1.0 / sum, d, sink_weight / sum * d);
    }

    for (var first_key = 0u; first_key < end; first_key += BLOCK) {
        for (var i = thread.y; i < BLOCK; i += SLICES) {
            let key = first_key + i;
            var ds = 0.0;
            // padding behind the sequence has no gradient
            if key <= query && key < end && query < tile.w {
                let pair = products(own, place(tile.z + key, first_channel));
                ds = exp(pair.x - largest) / sum * (pair.y - d);
            }
            ds_block[i * PANEL + thread.x] = ds;
        }
        workgroupBarrier();
        let keys = min(BLOCK, end - first_key);
        for (var c = thread.y; c < D_HEAD; c += SLICES) {
            var out = 0.0;
            if first_key > 0u {
                out = dq[own + c * PANEL];
            }
            for (var i = 0u; i < keys; i++) {
                out += SCALE * ds_block[i * PANEL + thread.x] * k[place(tile.z + first_key + i, first_channel + c)];
            }
            dq[own + c * PANEL] = out;
        }
        workgroupBarrier();
    }
}

@compute @workgroup_size(16, 16)
fn keys(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_id) thread: vec3u) {
    let tile = tiles[group.x];
    let key = tile.y + thread.x;
    let first_channel = group.y * D_HEAD;
    let own = place(tile.x * PANEL + thread.x, first_channel);
    for (var first_query = tile.y; first_query < tile.w; first_query += BLOCK) {
        for (var i = thread.y; i < BLOCK; i += SLICES) {
            let query = first_query + i;
            var p = 0.0;
            var ds = 0.0;
            if key <= query && query < tile.w {
                let token = tile.z + query;
                let pair = products(place(token, first_channel), own);
                let softmax = softmax_in[token * groups.y + group.y];
                p = exp(pair.x - softmax.x) * softmax.y;
                ds = p * (pair.y - softmax.z);
            }
            p_block[i * PANEL + thread.x] = p;
            ds_block[i * PANEL + thread.x] = ds;
        }
        workgroupBarrier();
        let queries = min(BLOCK, tile.w - first_query);
        for (var c = thread.y; c < D_HEAD; c += SLICES) {
            var out_k = 0.0;
            var out_v = 0.0;
            if first_query > tile.y {
                out_k = dk[own + c * PANEL];
                out_v = dv[own + c * PANEL];
            }
            for (var i = 0u; i < queries; i++) {
                let at = place(tile.z + first_query + i, first_channel + c);
                out_k += SCALE * ds_block[i * PANEL + thread.x] * q[at];
                out_v += p_block[i * PANEL + thread.x] * dy[at];
            }
            dk[own + c * PANEL] = out_k;
            dv[own + c * PANEL] = out_v;
        }
        workgroupBarrier();
    }
}

@compute @workgroup_size(16, 16)
fn sink_gradient(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                 @builtin(local_invocation_id) thread: vec3u) {
    var own_sum = 0.0;
    for (var i = thread.y; i < arrayLength(&tiles); i += SLICES) {
        let tile = tiles[i];
        if tile.y + thread.x < tile.w {
            own_sum += softmax_in[(tile.x * PANEL + thread.x) * groups.y + group.y].w;
        }
    }
    let sum = sum_lanes(sum_slices(own_sum, thread), thread);
    if thread.x == 0u && thread.y == 0u {
        dsinks_acc[group.y] -= sum;
    }
}
