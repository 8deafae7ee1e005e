//! The memory that a backend keeps between passes is bounded, for any number of prompt lengths.

use crate::reference::random::{self, Random};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{Backend, Batch};
use sparse_circuits::model::{Config, LogitsAt, forward};
use sparse_circuits::tensor::PANEL;

/// The bytes that `kept` states after passes of these lengths, each in panels.
fn kept<B: Backend>(backend: &mut B, panels: impl IntoIterator<Item = usize>, kept: impl Fn(&B) -> usize) -> usize {
    let config = Config { block_size: 64 * PANEL, n_layer: 1, ..random::base_config() };
    let model = random::weights(&config, 0.4, 1).upload(backend);
    for panels in panels {
        let tokens = Random::new(2).tokens(panels * PANEL, config.vocab_size);
        let logits = forward(backend, &model, &Batch::new(&[tokens]), LogitsAt::Last, &mut ()).unwrap();
        backend.recycle(logits);
    }
    kept(backend)
}

/// The stated bound: 4 times what the longest pass has in use at one time. After that pass alone the pool keeps at least that much,
/// and at most twice as much.
fn check<B: Backend>(backend: impl Fn() -> B, lengths: usize, bytes: impl Fn(&B) -> usize) {
    let longest = kept(&mut backend(), [lengths], &bytes);
    assert!(longest > 0);
    let mut backend = backend();
    let all = kept(&mut backend, 1..=lengths, &bytes);
    assert!(all <= 4 * longest, "{all} bytes, {longest} of them for the longest pass");
    // repeated lengths add nothing
    assert_eq!(kept(&mut backend, [lengths / 2, 3, lengths], &bytes), all);
}

#[test]
fn the_cpu_pool_does_not_grow_with_the_number_of_lengths() {
    check(Cpu::new, 64, Cpu::pool_bytes);
}

#[cfg(feature = "webgpu")]
#[test]
fn the_gpu_pool_does_not_grow_with_the_number_of_lengths() {
    use sparse_circuits::backend::gpu::Gpu;
    if Gpu::for_tests().is_some() {
        check(|| Gpu::for_tests().expect("it was there before"), 24, Gpu::pool_bytes);
    }
}
