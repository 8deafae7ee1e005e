//! Causal attention with sink logits, forward and backward.
//!
//! The 16 queries of a panel go together, one a lane: scores, softmax and weighted sums need no sum across lanes. AbsTopK leaves
//! few nonzeros in keys and values, so each key and value is a short list of (channel, number) made once per head, and zeros
//! cost nothing.

use super::simd::{Arith, Lanes, kernel};
use crate::backend::Span;
use crate::tensor::{Activations, Matrix, PANEL};

/// The nonzeros of one head's keys or values, token by token.
#[derive(Default)]
struct Lists {
    starts: Vec<u32>,
    entries: Vec<(u32, f32)>,
}

impl Lists {
    /// Channels `first..first + d_head` of the tokens of `span`.
    fn fill(&mut self, x: &Activations, span: Span, first: usize, d_head: usize) {
        self.starts.clear();
        self.entries.clear();
        self.starts.push(0);
        for token in span.start..span.start + span.len {
            let head = &x.panel(token / PANEL)[first * PANEL..(first + d_head) * PANEL];
            for (channel, values) in head.chunks_exact(PANEL).enumerate() {
                let value = values[token % PANEL];
                if value != 0.0 {
                    self.entries.push((channel as u32, value));
                }
            }
            self.starts.push(self.entries.len() as u32);
        }
    }

    #[inline(always)]
    fn token(&self, token: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[token] as usize..self.starts[token + 1] as usize]
    }
}

/// Softmax weights of the queries of one panel, lane by lane: `weights[s]` for the keys `s` up to the panel's end, the rest of the
/// probability is the sink's (returned).
#[inline(always)]
fn softmax<A: Arith>(
    q: &[f32],
    keys: &Lists,
    first_query: usize,
    len: usize,
    scale: f32,
    sink: Option<f32>,
    weights: &mut Vec<Lanes>,
) -> Lanes {
    let last = (first_query + PANEL).min(len);
    let scale = Lanes::splat(scale);
    let minus_infinity = Lanes::splat(f32::NEG_INFINITY);
    weights.clear();
    let mut largest = sink.map_or(minus_infinity, Lanes::splat);
    for s in 0..last {
        let mut score = Lanes::zero();
        for &(channel, k) in keys.token(s) {
            score = Lanes::splat(k).mul_add::<A>(Lanes::load(&q[channel as usize * PANEL..]), score);
        }
        score = score.mul(scale);
        if s > first_query {
            let mut lanes = score.array();
            lanes[..s - first_query].fill(f32::NEG_INFINITY);
            score = Lanes::from_array(lanes);
        }
        largest = largest.max(score);
        weights.push(score);
    }
    let mut sum = Lanes::zero();
    let mut sink_weight = Lanes::zero();
    if let Some(sink) = sink {
        sink_weight = Lanes::splat(sink).sub(largest).exp::<A>();
        sum = sink_weight;
    }
    for (s, weight) in weights.iter_mut().enumerate() {
        let mut exp = weight.sub(largest).exp::<A>();
        if s > first_query {
            let mut lanes = exp.array();
            lanes[..s - first_query].fill(0.0);
            exp = Lanes::from_array(lanes);
        }
        *weight = exp;
        sum = sum.add(exp);
    }
    let inverse = Lanes::splat(1.0).div(sum);
    for weight in weights.iter_mut() {
        *weight = weight.mul(inverse);
    }
    sink_weight.mul(inverse)
}

kernel! {
    pub fn attention<A>(spans: &[Span], d_head: usize, sinks: Option<&[f32]>, q: &Activations, k: &Activations, v: &Activations, y: &mut Activations) {
        let channels = q.channels();
        assert!(k.channels() == channels && v.channels() == channels && y.channels() == channels && channels % d_head == 0);
        let scale = 1.0 / (d_head as f32).sqrt();
        let (mut keys, mut values, mut weights) = (Lists::default(), Lists::default(), Vec::new());
        let mut out = vec![Lanes::zero(); d_head];
        for &span in spans {
            for head in 0..channels / d_head {
                let first = head * d_head;
                let rows = first * PANEL..(first + d_head) * PANEL;
                keys.fill(k, span, first, d_head);
                values.fill(v, span, first, d_head);
                for first_query in (0..span.len).step_by(PANEL) {
                    let panel = (span.start + first_query) / PANEL;
                    let y = &mut y.panel_mut(panel)[rows.clone()];
                    if values.starts[(first_query + PANEL).min(span.len)] == 0 {
                        y.fill(0.0);
                        continue;
                    }
                    let q = &q.panel(panel)[rows.clone()];
                    softmax::<A>(q, &keys, first_query, span.len, scale, sinks.map(|s| s[head]), &mut weights);
                    out.fill(Lanes::zero());
                    for (s, &weight) in weights.iter().enumerate() {
                        for &(channel, v) in values.token(s) {
                            let out = &mut out[channel as usize];
                            *out = Lanes::splat(v).mul_add::<A>(weight, *out);
                        }
                    }
                    for (out, y) in out.iter().zip(y.chunks_exact_mut(PANEL)) {
                        out.store(y);
                    }
                }
            }
        }
    }
}

/// `block[key][query]` becomes `[query][key]`, for a square of `PANEL`.
#[inline(always)]
fn transpose(block: &[Lanes], out: &mut [[f32; PANEL]; PANEL]) {
    for (key, lanes) in block.iter().enumerate() {
        let lanes = lanes.array();
        for query in 0..PANEL {
            out[query][key] = lanes[query];
        }
    }
    for row in out.iter_mut() {
        row[block.len()..].fill(0.0);
    }
}

kernel! {
    /// With `p` the attention weights: `dv_s = sum_t p_ts dy_t`, `dscore_ts = p_ts (dy_t . v_s - sum_s' p_ts' dy_t . v_s')`,
    /// `dq_t = scale sum_s dscore_ts k_s`, `dk_s = scale sum_t dscore_ts q_t`, and the sink's logit gets
    /// `-sum_t p_t,sink sum_s p_ts dy_t . v_s`. Overwrites `dq`, `dk`, `dv`.
    pub fn attention_back<A>(spans: &[Span], d_head: usize, sinks: Option<&[f32]>, q: &Activations, k: &Activations, v: &Activations,
                             dy: &Activations, dq: &mut Activations, dk: &mut Activations, dv: &mut Activations, dsinks_sum: Option<&mut Matrix>) {
        let channels = q.channels();
        let scale = 1.0 / (d_head as f32).sqrt();
        let mut dsinks_sum = dsinks_sum;
        let (mut keys, mut values) = (Lists::default(), Lists::default());
        let (mut weights, mut dscores) = (Vec::new(), Vec::<Lanes>::new());
        let mut square = [[0.0f32; PANEL]; PANEL];
        let mut out = vec![Lanes::zero(); d_head];
        dq.data_mut().fill(0.0);
        dk.data_mut().fill(0.0);
        dv.data_mut().fill(0.0);
        for &span in spans {
            for head in 0..channels / d_head {
                let first = head * d_head;
                let rows = first * PANEL..(first + d_head) * PANEL;
                keys.fill(k, span, first, d_head);
                values.fill(v, span, first, d_head);
                for first_query in (0..span.len).step_by(PANEL) {
                    let panel = (span.start + first_query) / PANEL;
                    let dy = &dy.panel(panel)[rows.clone()];
                    if dy.iter().all(|d| *d == 0.0) {
                        continue;
                    }
                    let q = &q.panel(panel)[rows.clone()];
                    let sink_weight = softmax::<A>(q, &keys, first_query, span.len, scale, sinks.map(|s| s[head]), &mut weights);

                    // dp = dy . v, and its mean under p
                    dscores.clear();
                    let mut mean = Lanes::zero();
                    for (s, &weight) in weights.iter().enumerate() {
                        let mut dp = Lanes::zero();
                        for &(channel, v) in values.token(s) {
                            dp = Lanes::splat(v).mul_add::<A>(Lanes::load(&dy[channel as usize * PANEL..]), dp);
                        }
                        mean = weight.mul_add::<A>(dp, mean);
                        dscores.push(dp);
                    }
                    if let Some(dsinks) = dsinks_sum.as_deref_mut() {
                        dsinks.data[head] -= sink_weight.mul(mean).sum();
                    }
                    for (dscore, &weight) in dscores.iter_mut().zip(&weights) {
                        *dscore = weight.mul(dscore.sub(mean)).mul(Lanes::splat(scale));
                    }

                    out.fill(Lanes::zero());
                    for (s, &dscore) in dscores.iter().enumerate() {
                        for &(channel, k) in keys.token(s) {
                            let out = &mut out[channel as usize];
                            *out = Lanes::splat(k).mul_add::<A>(dscore, *out);
                        }
                    }
                    for (out, dq) in out.iter().zip(dq.panel_mut(panel)[rows.clone()].chunks_exact_mut(PANEL)) {
                        out.store(dq);
                    }

                    // dk and dv have the keys in the lanes: squares of 16 keys x 16 queries, transposed
                    for key_panel in 0..weights.len().div_ceil(PANEL) {
                        let block = key_panel * PANEL..((key_panel + 1) * PANEL).min(weights.len());
                        let at = span.start / PANEL + key_panel;
                        transpose(&weights[block.clone()], &mut square);
                        accumulate::<A>(&square, dy, &mut dv.panel_mut(at)[rows.clone()]);
                        transpose(&dscores[block], &mut square);
                        accumulate::<A>(&square, q, &mut dk.panel_mut(at)[rows.clone()]);
                    }
                }
            }
        }
    }
}

/// `out[channel][key] += sum over queries of square[query][key] * x[channel][query]`, zeros of `x` skipped.
#[inline(always)]
fn accumulate<A: Arith>(square: &[[f32; PANEL]; PANEL], x: &[f32], out: &mut [f32]) {
    for (x, out) in x.chunks_exact(PANEL).zip(out.chunks_exact_mut(PANEL)) {
        let mut sum = Lanes::load(out);
        for (&x, row) in x.iter().zip(square) {
            if x != 0.0 {
                sum = Lanes::splat(x).mul_add::<A>(Lanes::load(row), sum);
            }
        }
        sum.store(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Batch;
    use crate::backend::cpu::testing::{Random, close, finite_difference};

    /// The naive reference of one sequence, in f64. Inputs `[token][channel]`, heads contiguous.
    fn reference(d_head: usize, sinks: Option<&[f64]>, q: &[f64], k: &[f64], v: &[f64], channels: usize) -> Vec<f64> {
        let tokens = q.len() / channels;
        let mut y = vec![0.0; q.len()];
        for head in 0..channels / d_head {
            let at = |token: usize, c: usize| token * channels + head * d_head + c;
            for t in 0..tokens {
                let scores: Vec<f64> = (0..=t)
                    .map(|s| (0..d_head).map(|c| q[at(t, c)] * k[at(s, c)]).sum::<f64>() / (d_head as f64).sqrt())
                    .collect();
                let total = scores.iter().map(|s| s.exp()).sum::<f64>() + sinks.map_or(0.0, |b| b[head].exp());
                for (s, score) in scores.iter().enumerate() {
                    for c in 0..d_head {
                        y[at(t, c)] += score.exp() / total * v[at(s, c)];
                    }
                }
            }
        }
        y
    }

    fn rows(x: &Activations, span: Span) -> Vec<f64> {
        let all = x.to_rows();
        all[span.start * x.channels()..(span.start + span.len) * x.channels()].iter().map(|v| *v as f64).collect()
    }

    #[test]
    fn agrees_with_the_reference_forward_and_back() {
        let mut random = Random::new(8);
        let (d_head, channels) = (3, 6);
        for len in (1..=20).chain([35]) {
            for with_sinks in [false, true] {
                let batch = Batch::new(&[vec![0; len], vec![0; 3]]);
                let tokens = batch.tokens().len();
                let mut draw = || {
                    let mut x = random.activations(channels, tokens);
                    for value in x.data_mut() {
                        if value.abs() < 0.5 {
                            *value = 0.0;
                        }
                    }
                    x
                };
                let (q, k, v, dy) = (draw(), draw(), draw(), draw());
                let sinks = [0.7f32, -0.4];
                let sinks = with_sinks.then_some(&sinks[..]);
                let mut y = Activations::zeros(channels, tokens);
                attention(batch.spans(), d_head, sinks, &q, &k, &v, &mut y);
                let mut grads = [(); 3].map(|_| Activations::zeros(channels, tokens));
                let mut dsinks = Matrix::zeros(1, 2);
                let mut dy_inside = Activations::zeros(channels, tokens);
                for &span in batch.spans() {
                    for t in span.start..span.start + span.len {
                        (0..channels).for_each(|c| dy_inside.set(t, c, dy.get(t, c)));
                    }
                }
                let [dq, dk, dv] = &mut grads;
                attention_back(batch.spans(), d_head, sinks, &q, &k, &v, &dy_inside, dq, dk, dv, Some(&mut dsinks));
                let mut want_dsinks = vec![0.0; 2];
                for &span in batch.spans() {
                    let (x, dy) = ([rows(&q, span), rows(&k, span), rows(&v, span)], rows(&dy, span));
                    let b: Option<Vec<f64>> = sinks.map(|s| s.iter().map(|v| *v as f64).collect());
                    let want = reference(d_head, b.as_deref(), &x[0], &x[1], &x[2], channels);
                    let narrow = |x: &[f64]| -> Vec<f32> { x.iter().map(|v| *v as f32).collect() };
                    close(&narrow(&rows(&y, span)), &narrow(&want), 2e-6);
                    let loss = |x: &[Vec<f64>; 3], b: Option<&[f64]>| -> f64 {
                        reference(d_head, b, &x[0], &x[1], &x[2], channels).iter().zip(&dy).map(|(y, d)| y * d).sum()
                    };
                    for input in 0..3 {
                        let want = finite_difference(&x[input], |changed| {
                            let mut x = x.clone();
                            x[input] = changed.to_vec();
                            loss(&x, b.as_deref())
                        });
                        close(&narrow(&rows(&grads[input], span)), &want, 1e-5);
                    }
                    if let Some(b) = &b {
                        let change = finite_difference(b, |b| loss(&x, Some(b)));
                        want_dsinks.iter_mut().zip(change).for_each(|(sum, d)| *sum += d);
                    }
                }
                if with_sinks {
                    close(&dsinks.data, &want_dsinks, 1e-5);
                }
            }
        }
    }
}
