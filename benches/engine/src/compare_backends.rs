//! Measures ops and complete passes on both backends, and the roofline of each device: `engine-bench compare-backends`.

use crate::models::{self, Random};
use crate::roofline::Roofline;
use serde::{Deserialize, Serialize};
use sparse_circuits::Result;
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::gpu::Gpu;
use sparse_circuits::backend::{Activation, Backend, Batch, NormKind};
use sparse_circuits::model::{LogitsAt, Role, Tensor, Weights, forward};
use sparse_circuits::tensor::{Activations, Matrix, WeightMatrix};

/// The size of a model and of its input.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shape {
    pub d_model: usize,
    pub n_layer: usize,
    pub density: f64,
    pub tokens: usize,
    pub batch: usize,
}

/// The measurements that a shape allows.
pub const WHAT: [&str; 10] = [
    "roofline",
    "copy",
    "matmul, sparse",
    "matmul_backward, sparse",
    "matmul, dense",
    "abs_top_k",
    "norm",
    "activate",
    "attention",
    "forward",
];

/// One backend's figures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Median milliseconds of one run.
    pub ms: f64,
    /// GFLOP/s and GB/s: the least operations and bytes of a run divided by its time; 0 if not relevant.
    pub gflops: f64,
    pub gbs: f64,
    /// The fraction of `roofline`; for ops that do not multiply, the fraction of `copy` at the same size.
    pub share: Option<f64>,
}

impl Figures {
    fn new(ms: f64, flop: f64, bytes: f64) -> Self {
        Figures { ms, gflops: flop / ms / 1e6, gbs: bytes / ms / 1e6, share: None }
    }

    /// The figures of `runs` runs, one after the other.
    fn times(self, runs: f64) -> Self {
        Figures { ms: self.ms * runs, ..self }
    }
}

/// The time and the output of one backend.
pub struct Measured {
    pub figures: Figures,
    /// The number of sequences that were measured. It is less than the batch if the device cannot bind all of them.
    pub batch: usize,
    pub output: Activations,
}

/// The effort of a measurement.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Number of timed samples.
    pub samples: usize,
    /// The least milliseconds of a sample, so that the wait for the device does not matter.
    pub min_ms: f64,
}

impl Effort {
    pub const FULL: Effort = Effort { samples: 9, min_ms: 30.0 };
    pub const QUICK: Effort = Effort { samples: 3, min_ms: 0.0 };
}

/// Numbers of a model's kind, the same on both backends.
fn numbers(channels: usize, tokens: usize, seed: u64) -> Activations {
    let mut random = Random::new(seed);
    let mut x = Activations::zeros(channels, tokens);
    x.data_mut().iter_mut().for_each(|x| *x = random.normal());
    x
}

/// # Errors
/// What the device reports.
pub async fn measure<B: Backend + Roofline>(
    backend: &mut B,
    what: &str,
    shape: Shape,
    effort: Effort,
    now: &dyn Fn() -> f64,
) -> Result<Measured> {
    let Shape { d_model, density, tokens, .. } = shape;
    let widest = 4 * d_model;
    let batch = shape.batch.min(backend.max_tokens(widest) / tokens.next_multiple_of(16)).max(1);
    let prompts = Batch::new(&vec![models::prompt(tokens); batch]);
    let t = prompts.tokens().len();
    let mut random = Random::new(2);
    let x = backend.upload(&numbers(d_model, t, 3));
    let mut y = backend.tensor(d_model, t);
    let clock = Clock { effort, now };
    let (ct, wide) = ((4 * d_model * t) as f64, (4 * widest * t) as f64);
    let (ms, flop, bytes) = match what {
        "roofline" => {
            let mut flop = 0.0;
            let ms = clock.median(backend, &mut y, |b, y| flop = b.multiply_adds(2000, y)).await?;
            (ms, flop, 0.0)
        }
        "copy" => (clock.median(backend, &mut y, |b, y| b.copy(&x, y)).await?, 0.0, 2.0 * ct),
        "matmul, sparse" | "matmul_backward, sparse" => {
            let w = random.sparse(widest, d_model, density);
            let nonzeros = w.nonzeros() as f64;
            let w = backend.matrix(&WeightMatrix::Sparse(w));
            let (flop, bytes) = (2.0 * nonzeros * t as f64, 8.0 * nonzeros + ct + wide);
            if what == "matmul, sparse" {
                y = backend.tensor(widest, t);
                (clock.median(backend, &mut y, |b, y| b.matmul(&w, None, &x, y)).await?, flop, bytes)
            } else {
                let dy = backend.upload(&numbers(widest, t, 4));
                (clock.median(backend, &mut y, |b, y| b.matmul_backward(&w, &dy, y)).await?, flop, bytes)
            }
        }
        "matmul, dense" => {
            let data = (0..d_model * d_model).map(|_| random.normal()).collect();
            let w = backend.matrix(&WeightMatrix::Dense(Matrix::new(d_model, d_model, data)));
            let flop = 2.0 * (d_model * d_model * t) as f64;
            let bytes = 4.0 * (d_model * d_model) as f64 + 2.0 * ct;
            (clock.median(backend, &mut y, |b, y| b.matmul(&w, None, &x, y)).await?, flop, bytes)
        }
        "abs_top_k" => {
            // use a fresh copy each time, because selection is faster on a result of AbsTopK
            let each = |b: &mut B, y: &mut B::Tensor| {
                b.copy(&x, y);
                b.abs_top_k(d_model / 4, y);
            };
            let copy = clock.median(backend, &mut y, |b, y| b.copy(&x, y)).await?;
            let both = clock.median(backend, &mut y, each).await?;
            ((both - copy).max(1e-6), 0.0, 2.0 * ct)
        }
        "norm" => {
            let ms = clock.median(backend, &mut y, |b, y| b.norm(NormKind::Rms, &x, None, None, y)).await?;
            (ms, 0.0, 2.0 * ct)
        }
        "activate" => {
            let ms = clock.median(backend, &mut y, |b, y| b.activate(Activation::Gelu, &x, y)).await?;
            (ms, 0.0, 2.0 * ct)
        }
        "attention" => {
            let [k, v] = [5, 6].map(|seed| backend.upload(&numbers(d_model, t, seed)));
            let each = |b: &mut B, y: &mut B::Tensor| b.attention(prompts.spans(), 16, None, &x, &k, &v, y);
            // q k and the weighted sum of v over half of all pairs
            let flop = 2.0 * (tokens * tokens * d_model * batch) as f64;
            (clock.median(backend, &mut y, each).await?, flop, 4.0 * ct)
        }
        _ => {
            let weights = models::weights(d_model, shape.n_layer, density);
            let model = weights.upload(backend);
            let each = |b: &mut B, y: &mut B::Tensor| {
                let logits = forward(b, &model, &prompts, LogitsAt::Last, &mut ());
                let last = std::mem::replace(y, logits.expect("a pass without hooks cannot fail"));
                b.recycle(last);
            };
            (clock.median(backend, &mut y, each).await?, 2.0 * nonzeros(&weights) * t as f64, 0.0)
        }
    };
    let output = backend.read(&y).await?;
    Ok(Measured { figures: Figures::new(ms, flop, bytes), batch, output })
}

/// The nonzeros of the matrices that every token uses.
fn nonzeros(weights: &Weights) -> f64 {
    let in_layers = weights.iter().filter(|(info, _)| matches!(info.role, Role::Read | Role::Write));
    let nonzeros = in_layers.map(|(_, tensor)| match tensor {
        Tensor::Matrix(matrix) => matrix.nonzeros(),
        Tensor::Vector(_) => 0,
    });
    nonzeros.sum::<usize>() as f64
}

/// The largest difference divided by the largest magnitude, without padding.
pub fn difference(got: &Activations, want: &Activations) -> f32 {
    let (got, want) = (got.to_rows(), want.to_rows());
    let largest = want.iter().fold(f32::MIN_POSITIVE, |max, v| max.max(v.abs()));
    let errors = got.iter().zip(&want).map(|(g, w)| (g - w).abs() / largest);
    errors.fold(0.0, |max, error| if error > max || error.is_nan() { error } else { max })
}

struct Clock<'a> {
    effort: Effort,
    now: &'a dyn Fn() -> f64,
}

impl Clock<'_> {
    /// The median milliseconds of a run. A sample repeats runs until it takes long enough, subtracts the time of an
    /// idle wait, and divides by the number of runs.
    async fn median<B: Backend>(
        &self,
        backend: &mut B,
        y: &mut B::Tensor,
        mut run: impl FnMut(&mut B, &mut B::Tensor),
    ) -> Result<f64> {
        let probe = backend.tensor(1, 1);
        // the first run compiles the kernels
        run(backend, y);
        backend.read(&probe).await?;
        let mut idle = Vec::new();
        for _ in 0..self.effort.samples {
            let start = (self.now)();
            backend.read(&probe).await?;
            idle.push((self.now)() - start);
        }
        let idle = median(idle);
        let mut repeats = 1;
        let mut times = Vec::new();
        while times.len() < self.effort.samples {
            let start = (self.now)();
            (0..repeats).for_each(|_| run(backend, y));
            backend.read(&probe).await?;
            let spent = (self.now)() - start - idle;
            if spent < self.effort.min_ms && repeats < 4096 {
                repeats *= 2;
                times.clear();
            } else {
                // a browser's coarse clock may not have advanced
                times.push(spent.max(1e-3) / repeats as f64);
            }
        }
        backend.recycle(probe);
        Ok(median(times))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One line of the table: the same work on both backends.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub what: String,
    pub shape: Shape,
    /// For a batch, one sequence was measured and multiplied: the CPU runs sequences one after the other.
    pub cpu: Figures,
    /// `None` without an adapter.
    pub webgpu: Option<Figures>,
    /// The number of sequences that were measured on the device, see [`Measured::batch`].
    pub at_once: usize,
    /// The largest difference between the two results divided by their largest magnitude; `None` if their sizes differ.
    pub difference: Option<f32>,
}

impl Row {
    pub const HEAD: &str = "| | size | cpu ms | GFLOP/s | GB/s | of roofline | webgpu ms | GFLOP/s | GB/s | of roofline | difference |\n\
                            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

    /// The row of a Markdown table.
    pub fn line(&self) -> String {
        let Shape { d_model, n_layer, density, tokens, batch } = self.shape;
        let rate = |value: f64| if value == 0.0 { String::new() } else { format!("{value:.2}") };
        let figures = |Figures { ms, gflops, gbs, share }: Figures| {
            let share = share.map_or(String::new(), |share| format!("{:.0} %", 100.0 * share));
            format!("{ms:.3} | {} | {} | {share}", rate(gflops), rate(gbs))
        };
        let webgpu = self.webgpu.map_or(" | | | ".into(), figures);
        let difference = self.difference.map_or(String::new(), |difference| format!("{difference:.0e}"));
        let size = format!("{d_model} x {n_layer}, {} %, {tokens} x {batch}", 100.0 * density);
        format!("| {} | {size} | {} | {webgpu} | {difference} |", self.what, figures(self.cpu))
    }
}

/// Both backends of this machine, and the rows measured so far.
pub struct Comparison {
    gpu: Option<Gpu>,
    rows: Vec<Row>,
}

impl Comparison {
    pub fn new(gpu: Option<Gpu>) -> Self {
        Comparison { gpu, rows: Vec::new() }
    }

    /// The adapter's name; `None` without an adapter.
    pub fn device(&self) -> Option<&str> {
        self.gpu.as_ref().map(Gpu::description)
    }

    /// Whether the adapter computes on the CPU. Its times do not predict those of a GPU.
    pub fn is_software(&self) -> bool {
        self.gpu.as_ref().is_some_and(Gpu::is_software)
    }

    /// Measures one entry of [`plan`]. Shares need `roofline` and `copy` measured before.
    ///
    /// # Errors
    /// The device fails.
    pub async fn row(&mut self, what: &str, shape: Shape, now: &dyn Fn() -> f64) -> Result<&Row> {
        let one = Shape { batch: 1, ..shape };
        let known = self.rows.iter().find(|row| row.what == what && row.shape == one);
        let (cpu, output) = match known {
            Some(known) => (known.cpu, None),
            None => {
                let measured = measure(&mut Cpu::new(), what, one, Effort::FULL, now).await?;
                (measured.figures, Some(measured.output))
            }
        };
        let mut row = Row {
            what: what.into(),
            shape,
            cpu: cpu.times(shape.batch as f64),
            webgpu: None,
            at_once: shape.batch,
            difference: None,
        };
        if let Some(gpu) = &mut self.gpu {
            let effort = if gpu.is_software() { Effort::QUICK } else { Effort::FULL };
            let got = measure(gpu, what, shape, effort, now).await?;
            row.at_once = got.batch;
            row.webgpu = Some(got.figures.times(shape.batch as f64 / got.batch as f64));
            // the two rooflines compute different things
            if let Some(output) = output.filter(|_| shape == one && what != "roofline") {
                row.difference = Some(difference(&got.output, &output));
            }
        }
        row.cpu.share = self.share(&row, |row| Some(row.cpu));
        if let Some(webgpu) = row.webgpu {
            row.webgpu = Some(Figures { share: self.share(&row, |row| row.webgpu), ..webgpu });
        }
        self.rows.push(row);
        Ok(self.rows.last().expect("it was just pushed"))
    }

    /// The share of one backend's figures, see [`Figures::share`].
    fn share(&self, row: &Row, side: impl Fn(&Row) -> Option<Figures>) -> Option<f64> {
        let figures = side(row)?;
        let limit_of = |what: &str, same: &dyn Fn(&Shape) -> bool| {
            self.rows.iter().find(|row| row.what == what && same(&row.shape)).and_then(&side)
        };
        if figures.gflops > 0.0 {
            Some(figures.gflops / limit_of("roofline", &|_| true)?.gflops)
        } else {
            Some(figures.gbs / limit_of("copy", &|shape| shape.d_model == row.shape.d_model)?.gbs)
        }
    }
}

/// The list of measurements: the roofline, the ops at all sizes, then complete passes at all densities, lengths and
/// batches. If `all` is false, only the smallest size, for software adapters.
pub fn plan(all: bool) -> Vec<(&'static str, Shape)> {
    let sizes = [(128, 2), (512, 4), (1024, 8), (2048, 8)];
    let sizes = if all { &sizes[..] } else { &sizes[..1] };
    let (ops, passes) = (&WHAT[1..WHAT.len() - 1], WHAT[WHAT.len() - 1]);
    let shape = |(d_model, n_layer)| Shape { d_model, n_layer, density: 0.01, tokens: 256, batch: 1 };
    // the roofline does not depend on the size, so use the largest
    let mut plan = vec![("roofline", shape(sizes[sizes.len() - 1]))];
    for &size in sizes {
        plan.extend(ops.iter().map(|&op| (op, shape(size))));
    }
    for &size in sizes {
        for density in [0.001, 0.005, 0.01, 0.02] {
            for tokens in [64, 256] {
                for batch in [1, 128] {
                    if all || batch == 1 && density == 0.01 {
                        plan.push((passes, Shape { density, tokens, batch, ..shape(size) }));
                    }
                }
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparse_circuits::backend::now_or_never;

    #[test]
    fn every_measurement_runs_and_returns_its_output() {
        let shape = Shape { d_model: 32, n_layer: 1, density: 0.1, tokens: 5, batch: 2 };
        for what in WHAT {
            let measured = now_or_never(measure(&mut Cpu::new(), what, shape, Effort::QUICK, &|| 0.0)).unwrap();
            assert!(measured.output.data().iter().any(|x| *x != 0.0), "{what}");
            assert_eq!(measured.batch, 2);
        }
    }

    #[test]
    fn rows_have_their_share_of_the_roofline_or_of_copy() {
        let mut comparison = Comparison::new(None);
        let shape = Shape { d_model: 32, n_layer: 1, density: 0.1, tokens: 5, batch: 2 };
        // a clock that runs faster and faster, so that every sample is long enough
        let clock = std::cell::Cell::new(1.0);
        let now = || clock.replace(1.5 * clock.get());
        let mut share = |what| now_or_never(comparison.row(what, shape, &now)).unwrap().cpu.share;
        for first in ["norm", "copy", "roofline"] {
            assert_eq!(share(first), None, "{first}");
        }
        for later in ["norm", "matmul, dense"] {
            assert!(share(later).is_some_and(|share| share > 0.0), "{later}");
        }
    }

    #[test]
    fn both_backends_compute_the_same() {
        let Some(mut gpu) = Gpu::for_tests() else { return };
        let shape = Shape { d_model: 64, n_layer: 2, density: 0.05, tokens: 20, batch: 2 };
        for what in WHAT.into_iter().filter(|what| *what != "roofline") {
            let got = now_or_never(measure(&mut gpu, what, shape, Effort::QUICK, &|| 0.0)).unwrap();
            let want = now_or_never(measure(&mut Cpu::new(), what, shape, Effort::QUICK, &|| 0.0)).unwrap();
            let error = difference(&got.output, &want.output);
            assert!(error <= 1e-4, "{what}: {error}");
        }
    }
}
