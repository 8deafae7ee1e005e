//! Causal attention with sink logits, forward and backward.

use super::record::{Bound, Kernel, Staged};
use super::shaders::shaders;
use super::{Gpu, GpuGradient, GpuTensor, GpuVector};
use crate::backend::{Attention, Elementwise, Memory, Span};
use crate::tensor::PANEL;

shaders! {
    ATTENTION = "attention",
    ATTENTION_BACKWARD = "attention_backward",
}

impl Attention for Gpu {
    fn attention(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&GpuVector>,
        q: &GpuTensor,
        k: &GpuTensor,
        v: &GpuTensor,
        y: &mut GpuTensor,
    ) {
        for x in [q, k, v] {
            assert!(x.channels == y.channels && x.tokens == y.tokens && x.channels % d_head == 0);
        }
        let (tiles, count) = self.tiles(spans);
        if count < y.panels() {
            self.zero(y);
        }
        let constants = constants(d_head, sinks, q);
        let sinks = self.or_nothing(sinks);
        self.recorder.run(
            Kernel { shader: ATTENTION, entry: "main", constants: &constants },
            &[
                (0, Bound::Staged(tiles)),
                (1, Bound::Buffer(&sinks)),
                (2, q.bound()),
                (3, k.bound()),
                (4, v.bound()),
                (5, y.bound()),
            ],
            [count, q.channels / d_head, 1],
        );
    }

    fn attention_backward(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&GpuVector>,
        q: &GpuTensor,
        k: &GpuTensor,
        v: &GpuTensor,
        dy: &GpuTensor,
        dq: &mut GpuTensor,
        dk: &mut GpuTensor,
        dv: &mut GpuTensor,
        dsinks_acc: Option<&mut GpuGradient>,
    ) {
        for x in [q, k, v, &*dq, &*dk, &*dv] {
            assert!(x.channels == dy.channels && x.tokens == dy.tokens && x.channels % d_head == 0);
        }
        let heads = q.channels / d_head;
        let (tiles, count) = self.tiles(spans);
        let tiles = Bound::Staged(tiles);
        if count < q.panels() {
            [&mut *dq, &mut *dk, &mut *dv].into_iter().for_each(|d| self.zero(d));
        }
        let constants = constants(d_head, sinks, q);
        let kernel = |entry| Kernel { shader: ATTENTION_BACKWARD, entry, constants: &constants };
        let sinks = self.or_nothing(sinks);
        // four numbers per head and token
        let softmax = self.tensor(4 * heads, q.panels() * PANEL);
        self.recorder.run(
            kernel("queries"),
            &[
                (0, tiles),
                (1, Bound::Buffer(&sinks)),
                (2, q.bound()),
                (3, k.bound()),
                (4, v.bound()),
                (5, dy.bound()),
                (6, softmax.bound()),
                (8, dq.bound()),
            ],
            [count, heads, 1],
        );
        self.recorder.run(
            kernel("keys"),
            &[
                (0, tiles),
                (2, q.bound()),
                (3, k.bound()),
                (4, v.bound()),
                (5, dy.bound()),
                (7, softmax.bound()),
                (9, dk.bound()),
                (10, dv.bound()),
            ],
            [count, heads, 1],
        );
        if let Some(dsinks_acc) = dsinks_acc {
            assert!(dsinks_acc.cols == heads);
            let bound = [(0, tiles), (7, softmax.bound()), (11, dsinks_acc.bound())];
            self.recorder.run(kernel("sink_gradient"), &bound, [1, heads, 1]);
        }
        self.recycle(softmax);
    }
}

impl Gpu {
    /// One tile for each panel of each span, and their number.
    fn tiles(&mut self, spans: &[Span]) -> (Staged, usize) {
        let mut tiles: Vec<[u32; 4]> = Vec::new();
        for span in spans {
            for first in (0..span.len).step_by(PANEL) {
                tiles.push([(span.start + first) / PANEL, first, span.start, span.len].map(|n| n as u32));
            }
        }
        (self.recorder.stage(tiles.as_flattened()), tiles.len())
    }
}

fn constants(d_head: usize, sinks: Option<&GpuVector>, q: &GpuTensor) -> [(&'static str, f64); 4] {
    [
        ("CHANNELS", q.channels as f64),
        ("D_HEAD", d_head as f64),
        ("SCALE", (1.0 / (d_head as f32).sqrt()) as f64),
        ("SINKS", sinks.is_some() as u32 as f64),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check_gradient, gpu};
    use crate::backend::cpu::testing::{Random, close};
    use crate::backend::{Attention, Batch, Memory};
    use crate::tensor::Activations;

    #[test]
    fn agrees_with_the_cpu_forward_and_backward() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(112);
        for (d_head, heads) in [(3, 2), (16, 3), (20, 1)] {
            for lens in [vec![1], vec![7, 3], vec![16, 17], vec![64, 35], vec![150]] {
                for with_sinks in [false, true] {
                    let channels = d_head * heads;
                    let sequences: Vec<Vec<u32>> = lens.iter().map(|&len| vec![0; len]).collect();
                    let batch = Batch::new(&sequences);
                    let tokens = batch.tokens().len();
                    let inside: Vec<usize> = batch.spans().iter().flat_map(|s| s.start..s.start + s.len).collect();
                    let mut draw = || {
                        let mut x = random.activations(channels, tokens);
                        x.data_mut().iter_mut().filter(|v| v.abs() < 0.5).for_each(|v| *v = 0.0);
                        x
                    };
                    let (q, k, v) = (draw(), draw(), draw());
                    let drawn = draw();
                    let mut dy = Activations::zeros(channels, tokens);
                    for &t in &inside {
                        (0..channels).for_each(|c| dy.set(t, c, drawn.get(t, c)));
                    }
                    let logits: Vec<f32> = (0..heads).map(|_| random.next()).collect();
                    // tensors and the sinks' gradient cannot be in one array: two runs
                    macro_rules! run {
                        ($b:ident) => {{
                            let (q, k, v, dy) = ($b.upload(&q), $b.upload(&k), $b.upload(&v), $b.upload(&dy));
                            let sinks = with_sinks.then(|| $b.vector(&logits));
                            let [mut y, mut dq, mut dk, mut dv] = [(); 4].map(|_| $b.tensor(channels, tokens));
                            let mut dsinks = $b.gradient(1, heads);
                            let (spans, sinks) = (batch.spans(), sinks.as_ref());
                            $b.attention(spans, d_head, sinks, &q, &k, &v, &mut y);
                            let sum = with_sinks.then_some(&mut dsinks);
                            $b.attention_backward(
                                spans, d_head, sinks, &q, &k, &v, &dy, &mut dq, &mut dk, &mut dv, sum,
                            );
                            ([y, dq, dk, dv], [dsinks])
                        }};
                    }
                    for (got, want) in both!(&mut gpu, |b| run!(b).0) {
                        let rows = |x: &Activations| -> Vec<f32> {
                            inside
                                .iter()
                                .flat_map(|&t| (0..channels).map(move |c| (t, c)))
                                .map(|(t, c)| x.get(t, c))
                                .collect()
                        };
                        close(&rows(&got), &rows(&want), 1e-5);
                    }
                    for pair in both!(&mut gpu, gradients, |b| run!(b).1) {
                        check_gradient(pair, 1e-5);
                    }
                }
            }
        }
    }
}
