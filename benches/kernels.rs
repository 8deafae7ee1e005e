//! Kernels and their peers in one run: sparse against dense product, AbsTopK against the standard library's selection,
//! attention with sparse against dense keys. Only ratios within a run are meaningful.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sparse_circuits::backend::cpu::{Cpu, CpuMatrix};
use sparse_circuits::backend::{AbsTopK, Attention, Batch, Matmul};
use sparse_circuits::tensor::{Activations, Matrix, SparseMatrix, WeightMatrix};
use std::hint::black_box;
use std::time::Duration;

struct Random(ChaCha8Rng);

impl Random {
    fn uniform(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Roughly Gaussian: the sum of four uniforms.
    fn normal(&mut self) -> f32 {
        ((0..4).map(|_| self.uniform()).sum::<f32>() - 2.0) * 1.7
    }

    fn activations(&mut self, channels: usize, tokens: usize) -> Activations {
        let rows: Vec<f32> = (0..channels * tokens).map(|_| self.normal()).collect();
        Activations::from_rows(&rows, channels)
    }

    fn matrix(&mut self, rows: usize, cols: usize, density: f32) -> Matrix {
        let data = (0..rows * cols).map(|_| if self.uniform() < density { self.normal() } else { 0.0 }).collect();
        Matrix::new(rows, cols, data)
    }
}

fn products(c: &mut Criterion) {
    let mut random = Random(ChaCha8Rng::seed_from_u64(1));
    let mut cpu = Cpu::new();
    let mut group = c.benchmark_group("product, 256 tokens");
    for d in [256, 1024] {
        let x = random.activations(d, 256);
        let mut y = Activations::zeros(d, 256);
        for density in [0.005, 0.01, 0.02, 0.0625] {
            let w = SparseMatrix::from_dense(&random.matrix(d, d, density));
            group.throughput(Throughput::Elements(2 * w.nonzeros() as u64 * 256));
            let w = CpuMatrix::new(WeightMatrix::Sparse(w));
            group.bench_function(BenchmarkId::new(format!("sparse {d}x{d}"), density), |b| {
                b.iter(|| cpu.matmul(black_box(&w), None, &x, &mut y))
            });
        }
        let w = CpuMatrix::new(WeightMatrix::Dense(random.matrix(d, d, 1.0)));
        group.throughput(Throughput::Elements((2 * d * d * 256) as u64));
        group.bench_function(BenchmarkId::new(format!("dense {d}x{d}"), 1), |b| {
            b.iter(|| cpu.matmul(black_box(&w), None, &x, &mut y))
        });
    }
    group.finish();
}

/// The peer. For each token: copies the magnitudes, selects with the standard library, then zeroes the smaller values.
fn select_nth(k: usize, x: &mut Activations, magnitudes: &mut Vec<u32>) {
    for token in 0..x.tokens() {
        magnitudes.clear();
        magnitudes.extend((0..x.channels()).map(|c| x.get(token, c).to_bits() & 0x7fff_ffff));
        let threshold = *magnitudes.select_nth_unstable_by(k - 1, |a, b| b.cmp(a)).1;
        for c in 0..x.channels() {
            if x.get(token, c).to_bits() & 0x7fff_ffff < threshold {
                x.set(token, c, 0.0);
            }
        }
    }
}

fn selections(c: &mut Criterion) {
    let mut random = Random(ChaCha8Rng::seed_from_u64(2));
    let mut cpu = Cpu::new();
    let mut group = c.benchmark_group("AbsTopK to a quarter, 64 tokens");
    for n in [128, 256, 512, 1024, 2048] {
        let x = random.activations(n, 64);
        let mut y = x.clone();
        group.throughput(Throughput::Elements((n * 64) as u64));
        group.bench_function(BenchmarkId::new("threshold search", n), |b| {
            b.iter(|| {
                y.data_mut().copy_from_slice(x.data());
                cpu.abs_top_k(n / 4, black_box(&mut y));
            })
        });
        let mut magnitudes = Vec::new();
        group.bench_function(BenchmarkId::new("select_nth_unstable", n), |b| {
            b.iter(|| {
                y.data_mut().copy_from_slice(x.data());
                select_nth(n / 4, black_box(&mut y), &mut magnitudes);
            })
        });
    }
    group.finish();
}

fn attentions(c: &mut Criterion) {
    let mut random = Random(ChaCha8Rng::seed_from_u64(3));
    let mut cpu = Cpu::new();
    let mut group = c.benchmark_group("attention, 16 heads of 16");
    for tokens in [64usize, 256] {
        let batch = Batch::new(&[vec![0u32; tokens]]);
        let [q, k, v] = [(); 3].map(|_| random.activations(256, tokens));
        let mut y = Activations::zeros(256, tokens);
        group.bench_function(BenchmarkId::new("dense q, k, v", tokens), |b| {
            b.iter(|| cpu.attention(batch.spans(), 16, None, black_box(&q), &k, &v, &mut y))
        });
        let [q, k, v] = [q, k, v].map(|mut x| {
            cpu.abs_top_k(64, &mut x);
            x
        });
        group.bench_function(BenchmarkId::new("a quarter kept", tokens), |b| {
            b.iter(|| cpu.attention(batch.spans(), 16, None, black_box(&q), &k, &v, &mut y))
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = products, selections, attentions
}
criterion_main!(benches);
