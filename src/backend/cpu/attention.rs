//! Causal attention with sink logits, forward and backward.
//!
//! The 16 queries of a panel are computed together, one per lane: scores, softmax and weighted sums need no sum across lanes. AbsTopK
//! leaves few nonzeros in keys and values. Each channel's nonzeros become a list of (token, number) once per head, so zeros cost
//! nothing. Lists by channel are long, and where the queries of a panel are all zero at a channel its list of keys is not read.
//! Short lists by token were slower: the processor cannot predict where they end.

use super::simd::{Arith, Lanes, kernel, row_by_row};
use super::{Cpu, CpuVector};
use crate::backend::{Attention, Span};
use crate::tensor::{Activations, Matrix, PANEL};

impl Attention for Cpu {
    kernel! {
        fn attention<A>(&mut self, spans: &[Span], d_head: usize, sinks: Option<&CpuVector>, q: &Activations, k: &Activations, v: &Activations, y: &mut Activations) {
            let channels = q.channels();
            assert!(k.channels() == channels && v.channels() == channels && y.channels() == channels && channels % d_head == 0);
            // padding belongs to no span and stays zero
            if spans.iter().any(|span| span.len % PANEL != 0) {
                y.data_mut().fill(0.0);
            }
            let scale = 1.0 / (d_head as f32).sqrt();
            let (mut keys, mut values, mut weights) = (Lists::default(), Lists::default(), Vec::new());
            for &span in spans {
                weights.resize(span.len, [0.0; PANEL]);
                for head in 0..channels / d_head {
                    let first = head * d_head;
                    let rows = first * PANEL..(first + d_head) * PANEL;
                    keys.fill(k, span, first, d_head);
                    values.fill(v, span, first, d_head);
                    for first_query in (0..span.len).step_by(PANEL) {
                        let panel = (span.start + first_query) / PANEL;
                        let y = &mut y.panel_mut(panel)[rows.clone()];
                        let last = (first_query + PANEL).min(span.len);
                        keys.see(last);
                        if !values.see(last) {
                            y.fill(0.0);
                            continue;
                        }
                        let q = &q.panel(panel)[rows.clone()];
                        let weights = &mut weights[..last];
                        let (inverse, _) = softmax::<A>(q, &keys, first_query, scale, sinks.map(|s| s[head]), weights);
                        for (channel, y) in y.chunks_exact_mut(PANEL).enumerate() {
                            values.collect::<A>(channel, weights).mul(inverse).store(y);
                        }
                    }
                }
            }
        }
    }

    kernel! {
        fn attention_backward<A>(&mut self, spans: &[Span], d_head: usize, sinks: Option<&CpuVector>, q: &Activations, k: &Activations, v: &Activations,
                                 dy: &Activations, dq: &mut Activations, dk: &mut Activations, dv: &mut Activations, dsinks_acc: Option<&mut Matrix>) {
            let channels = q.channels();
            let scale = 1.0 / (d_head as f32).sqrt();
            let mut dsinks_acc = dsinks_acc;
            let (mut keys, mut values) = (Lists::default(), Lists::default());
            let (mut weights, mut dscores) = (Vec::new(), Vec::new());
            let mut square = [[0.0f32; PANEL]; PANEL];
            dq.data_mut().fill(0.0);
            dk.data_mut().fill(0.0);
            dv.data_mut().fill(0.0);
            for &span in spans {
                weights.resize(span.len, [0.0; PANEL]);
                dscores.resize(span.len, [0.0; PANEL]);
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
                        let last = (first_query + PANEL).min(span.len);
                        let (weights, dscores) = (&mut weights[..last], &mut dscores[..last]);
                        keys.see(last);
                        values.see(last);
                        let sink = sinks.map(|s| s[head]);
                        let (inverse, sink_weight) = softmax::<A>(q, &keys, first_query, scale, sink, weights);

                        // dp = dy . v, and its mean under p
                        dscores.fill([0.0; PANEL]);
                        for (channel, dy) in dy.chunks_exact(PANEL).enumerate() {
                            values.spread::<A>(channel, Lanes::load(dy), dscores);
                        }
                        let mut mean = Lanes::zero();
                        for (dp, weight) in dscores.iter().zip(weights.iter_mut()) {
                            let p = Lanes::load(weight).mul(inverse);
                            mean = p.mul_add::<A>(Lanes::load(dp), mean);
                            p.store(weight);
                        }
                        if let Some(dsinks) = dsinks_acc.as_deref_mut() {
                            dsinks.data[head] -= sink_weight.mul(mean).sum();
                        }
                        for (dscore, p) in dscores.iter_mut().zip(weights.iter()) {
                            Lanes::load(p).mul(Lanes::load(dscore).sub(mean)).mul(Lanes::splat(scale)).store(dscore);
                        }
                        for (channel, dq) in dq.panel_mut(panel)[rows.clone()].chunks_exact_mut(PANEL).enumerate() {
                            keys.collect::<A>(channel, dscores).store(dq);
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
}

/// The nonzeros of one head's keys or values: a list for each channel, of tokens of the sequence and numbers.
#[derive(Default)]
struct Lists {
    /// The list of channel `c` is `entries[starts[c]..starts[c + 1]]`, tokens ascending.
    starts: Vec<u32>,
    entries: Vec<(u32, f32)>,
    /// The end of the seen tokens in each list.
    ends: Vec<u32>,
}

impl Lists {
    /// Channels `first..first + d_head` of the tokens of `span`, none seen yet.
    fn fill(&mut self, x: &Activations, span: Span, first: usize, d_head: usize) {
        self.starts.clear();
        self.starts.push(0);
        self.entries.resize(span.len * d_head, (0, 0.0));
        let mut count = 0;
        for channel in first..first + d_head {
            for token in (0..span.len).step_by(PANEL) {
                let values = &x.panel((span.start + token) / PANEL)[channel * PANEL..(channel + 1) * PANEL];
                for (lane, &value) in values[..PANEL.min(span.len - token)].iter().enumerate() {
                    // Written also when zero: zeros cannot be predicted, so a branch would cost more.
                    self.entries[count] = ((token + lane) as u32, value);
                    count += (value != 0.0) as usize;
                }
            }
            self.starts.push(count as u32);
        }
        self.ends.clear();
        self.ends.extend_from_slice(&self.starts[..d_head]);
    }

    /// Extends the seen tokens to those before `last`. Returns whether any number is seen.
    #[inline(always)]
    fn see(&mut self, last: usize) -> bool {
        let mut any = false;
        for (channel, end) in self.ends.iter_mut().enumerate() {
            let behind = &self.entries[*end as usize..self.starts[channel + 1] as usize];
            *end += behind.iter().take_while(|entry| (entry.0 as usize) < last).count() as u32;
            any |= *end > self.starts[channel];
        }
        any
    }

    /// A channel's tokens that are seen.
    #[inline(always)]
    fn seen(&self, channel: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[channel] as usize..self.ends[channel] as usize]
    }

    /// `sum[token] += number * x` over the list of a channel.
    #[inline(always)]
    fn spread<A: Arith>(&self, channel: usize, x: Lanes, sum: &mut [[f32; PANEL]]) {
        for &(token, number) in self.seen(channel) {
            let sum = &mut sum[token as usize];
            Lanes::splat(number).mul_add::<A>(x, Lanes::load(sum)).store(sum);
        }
    }

    /// The sum of `number * x[token]` over the list of a channel.
    #[inline(always)]
    fn collect<A: Arith>(&self, channel: usize, x: &[[f32; PANEL]]) -> Lanes {
        let mut sum = Lanes::zero();
        for &(token, number) in self.seen(channel) {
            sum = Lanes::splat(number).mul_add::<A>(Lanes::load(&x[token as usize]), sum);
        }
        sum
    }
}

/// Start values of the scores of the keys in the panel of the queries: minus infinity where the key comes after the query.
const CAUSAL: [[f32; PANEL]; PANEL] = {
    let mut rows = [[0.0; PANEL]; PANEL];
    let mut key = 0;
    while key < PANEL {
        let mut query = 0;
        while query < key {
            rows[key][query] = f32::NEG_INFINITY;
            query += 1;
        }
        key += 1;
    }
    rows
};

/// Softmax weights of the queries of one panel, lane by lane: `weights[s]` for the seen keys `s`, before the division by their sum.
/// Returns the reciprocal of the sum, and the weight of the sink, which is already divided.
#[inline(always)]
fn softmax<A: Arith>(
    q: &[f32],
    keys: &Lists,
    first_query: usize,
    scale: f32,
    sink: Option<f32>,
    weights: &mut [[f32; PANEL]],
) -> (Lanes, Lanes) {
    // Powers of two are faster than powers of e.
    let scale = Lanes::splat(scale * std::f32::consts::LOG2_E);
    let sink = sink.map(|sink| Lanes::splat(sink * std::f32::consts::LOG2_E));
    let (before, own) = weights.split_at_mut(first_query);
    before.fill([0.0; PANEL]);
    own.copy_from_slice(&CAUSAL[..own.len()]);
    for (channel, q) in q.chunks_exact(PANEL).enumerate() {
        if q.iter().any(|q| *q != 0.0) {
            keys.spread::<A>(channel, Lanes::load(q).mul(scale), weights);
        }
    }
    let mut largest = sink.unwrap_or(Lanes::splat(f32::NEG_INFINITY));
    for score in weights.iter() {
        row_by_row();
        largest = largest.max(Lanes::load(score));
    }
    let sink_weight = sink.map_or(Lanes::zero(), |sink| sink.sub(largest).exp2::<A>());
    let mut sum = sink_weight;
    for weight in weights.iter_mut() {
        let power = Lanes::load(weight).sub(largest).exp2::<A>();
        sum = sum.add(power);
        power.store(weight);
    }
    let inverse = Lanes::splat(1.0).div(sum);
    (inverse, sink_weight.mul(inverse))
}

/// `block[key][query]` becomes `[query][key]`, for a square of `PANEL`.
#[inline(always)]
fn transpose(block: &[[f32; PANEL]], out: &mut [[f32; PANEL]; PANEL]) {
    for (key, lanes) in block.iter().enumerate() {
        for query in 0..PANEL {
            out[query][key] = lanes[query];
        }
    }
    for row in out.iter_mut() {
        row[block.len()..].fill(0.0);
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
    fn agrees_with_the_reference_forward_and_backward() {
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
                let sinks: CpuVector = [0.7f32, -0.4].into();
                let sinks = with_sinks.then_some(&sinks);
                let mut y = Activations::zeros(channels, tokens);
                Cpu::new().attention(batch.spans(), d_head, sinks, &q, &k, &v, &mut y);
                let mut grads = [(); 3].map(|_| Activations::zeros(channels, tokens));
                let mut dsinks = Matrix::zeros(1, 2);
                let mut dy_inside = Activations::zeros(channels, tokens);
                for &span in batch.spans() {
                    for t in span.start..span.start + span.len {
                        (0..channels).for_each(|c| dy_inside.set(t, c, dy.get(t, c)));
                    }
                }
                let [dq, dk, dv] = &mut grads;
                Cpu::new().attention_backward(
                    batch.spans(),
                    d_head,
                    sinks,
                    &q,
                    &k,
                    &v,
                    &dy_inside,
                    dq,
                    dk,
                    dv,
                    Some(&mut dsinks),
                );
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

    #[test]
    fn zero_queries_average_and_zero_values_give_zero() {
        let (len, d_head) = (20, 2);
        let batch = Batch::new(&[vec![0; len]]);
        let zeros = Activations::zeros(2 * d_head, batch.tokens().len());
        let mut random = Random::new(9);
        let k = random.activations(2 * d_head, batch.tokens().len());
        let mut v = zeros.clone();
        (0..len).for_each(|t| v.set(t, 1, t as f32));
        let mut y = k.clone();
        Cpu::new().attention(batch.spans(), d_head, None, &zeros, &k, &v, &mut y);
        for t in 0..len {
            assert!((y.get(t, 1) - t as f32 / 2.0).abs() < 1e-5, "the mean of 0 to {t}");
            for channel in [0, 2, 3] {
                assert_eq!(y.get(t, channel), 0.0);
            }
        }
    }
}
