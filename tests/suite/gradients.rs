//! Compares the engine's gradients with those of the reference, for every kind of parameter and for
//! node masks. (`oracle_engine.rs` compares the mask gradients with the reference vectors.)

use crate::gradient_support::{close, named, stacked};
use crate::oracle_suite::engine::{Engine, batch_targets};
use crate::oracle_suite::vectors::MaskSequence;
use crate::oracle_suite::{MeanAblation, Subject, now_or_never};
use crate::reference::gradients::{Number, mask_gradients, parameter_gradients};
use crate::reference::random::{self, Random};
use crate::reference::{Edit, Model as Reference, Scalar, mean_cross_entropy, task_loss, total};
use sparse_circuits::backend::cpu::Cpu;
#[cfg(feature = "webgpu")]
use sparse_circuits::backend::gpu::Gpu;
use sparse_circuits::backend::{Backend, Batch};
use sparse_circuits::model::{Config, Hook, LogitsAt, Weights, backward, forward_with_trace, zero_gradients};
use sparse_circuits::tensor::Matrix;
use std::collections::BTreeMap;

/// Tolerance of mask gradients: the largest error divided by the largest gradient.
const TOLERANCE: f64 = 1e-5;

/// Fractions of nonzero weights. With the last one most matrices are stored as sparse. Gradients
/// are dense either way.
const DENSITIES: [f32; 2] = [1.0, 0.5];

/// Sequences of odd lengths, one longer than a panel, with targets of which some are ignored.
struct Texts {
    tokens: Vec<Vec<u32>>,
    targets: Vec<Vec<Option<usize>>>,
}

impl Texts {
    fn new(random: &mut Random, vocab: usize) -> Texts {
        let tokens: Vec<Vec<u32>> = [7, 19, 1].map(|len| random.tokens(len, vocab)).into();
        let targets = tokens
            .iter()
            .map(|tokens| tokens.iter().map(|_| (random.below(5) > 0).then(|| random.below(vocab))).collect())
            .collect();
        Texts { tokens, targets }
    }

    /// The mean over all targets of all sequences.
    fn loss(&self, model: &Reference<Number>) -> Number {
        let count = |targets: &[Option<usize>]| targets.iter().flatten().count() as f64;
        let sums: Vec<Number> = (self.tokens.iter().zip(&self.targets))
            .filter(|(_, targets)| count(targets) > 0.0)
            .map(|(tokens, targets)| {
                mean_cross_entropy(&model.run(tokens, &[]).logits, targets) * Number::new(count(targets))
            })
            .collect();
        total(&sums) / Number::new(self.targets.iter().map(|targets| count(targets)).sum())
    }
}

/// Every parameter's gradient by the engine, under its name.
fn engine_gradients<B: Backend>(backend: &mut B, weights: &Weights, texts: &Texts) -> BTreeMap<String, Matrix> {
    let model = weights.upload(backend);
    let batch = Batch::new(&texts.tokens);
    let (logits, trace) =
        forward_with_trace(backend, &model, &batch, LogitsAt::Every, &mut ()).expect("a forward pass");
    let (targets, weight) = batch_targets(&batch, &texts.targets.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut losses = backend.tensor(1, targets.len());
    let mut dlogits = backend.tensor(weights.config.vocab_size, targets.len());
    backend.cross_entropy(&logits, &targets, weight, &mut losses, &mut dlogits);
    let mut gradients = zero_gradients(backend, &model);
    backward(backend, &model, &batch, trace, &dlogits, &mut (), Some(&mut gradients));
    named(&gradients, |gradient| now_or_never(backend.read_gradient(gradient)).expect("a reading"))
}

fn check_parameters(
    backend: &mut impl Backend,
    case: &str,
    weights: &Weights,
    texts: &Texts,
    want: &[(String, Vec<Vec<f64>>)],
) {
    let mut got = engine_gradients(backend, weights, texts);
    for (name, want) in want {
        let at = format!("{}, {case}: {name}", backend.name());
        let got = got.remove(name).unwrap_or_else(|| panic!("{at}: no gradient"));
        assert_eq!((got.rows, got.cols), (want.len(), want[0].len()), "{at}");
        close(&at, &got.data.iter().map(|&v| v as f64).collect::<Vec<_>>(), &want.concat());
    }
    assert!(got.is_empty(), "{case}: gradients of {:?}, which the reference does not have", got.keys());
}

/// Returns the backend.
fn check_masks<B: Backend>(
    backend: B,
    case: &str,
    weights: &Weights,
    sequences: &[MaskSequence],
    ablations: &[MeanAblation],
    want: &BTreeMap<Hook, Vec<f64>>,
) -> B {
    let case = format!("{}, {case}", backend.name());
    let mut engine = Engine::new(backend, weights);
    let got = now_or_never(engine.task(sequences, ablations)).gradients.expect("gradients");
    let largest = want.values().flatten().fold(0f64, |most, v| most.max(v.abs()));
    for (hook, want) in want {
        let error = got[hook].iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest;
        assert!(error <= TOLERANCE, "{case}: {hook}: error {error:.1e} of the largest");
    }
    engine.into_backend()
}

/// Every family of options at every density, with a seed.
fn each_model(mut check: impl FnMut(u64, &str, &Config, &Weights)) {
    for (seed, (family, config)) in random::configs().into_iter().enumerate() {
        for density in DENSITIES {
            let weights = random::weights(&config, density, seed as u64);
            check(seed as u64, &format!("{family}, density {density}"), &config, &weights);
        }
    }
}

// The reference is slow, so one test per kind of gradient covers all backends.

#[test]
fn parameters_agree_with_the_reference_on_every_backend() {
    let mut cpu = Cpu::new();
    #[cfg(feature = "webgpu")]
    let mut gpu = Gpu::for_tests();
    each_model(|seed, case, config, weights| {
        let texts = Texts::new(&mut Random::new(100 + seed), config.vocab_size);
        let want = stacked(parameter_gradients(weights, |model| texts.loss(model)));
        check_parameters(&mut cpu, case, weights, &texts, &want);
        #[cfg(feature = "webgpu")]
        if let Some(gpu) = &mut gpu {
            check_parameters(gpu, case, weights, &texts, &want);
        }
    });
}

#[test]
fn node_masks_agree_with_the_reference_on_every_backend() {
    #[cfg(feature = "webgpu")]
    let mut gpu = Gpu::for_tests();
    each_model(|seed, case, config, weights| {
        let random = &mut Random::new(200 + seed);
        let sequences: Vec<MaskSequence> = [5, 17, 16]
            .map(|len| MaskSequence { tokens: random.tokens(len, config.vocab_size), target: 2, alternative: 7 })
            .into();
        let ablations: Vec<MeanAblation> = Hook::node_hooks(config.n_layer)
            .into_iter()
            .map(|hook| {
                let mut numbers = |centre: f32, spread: f32| -> Vec<f64> {
                    random.vector(hook.width(config), centre, spread).into_iter().map(f64::from).collect()
                };
                MeanAblation { hook, mask: numbers(0.6, 0.4), mean: numbers(0.0, 0.5) }
            })
            .collect();
        let edits: Vec<Edit<Number>> =
            ablations.iter().map(|ablation| Edit::mean_ablate(ablation.hook, &ablation.mask, &ablation.mean)).collect();
        let want = mask_gradients(weights, &edits, |model, edits| {
            let losses: Vec<Number> = (sequences.iter())
                .map(|s| task_loss(&model.run(&s.tokens, edits).logits, s.target, s.alternative))
                .collect();
            total(&losses) / Number::new(losses.len() as f64)
        });
        check_masks(Cpu::new(), case, weights, &sequences, &ablations, &want);
        #[cfg(feature = "webgpu")]
        if let Some(device) = gpu.take() {
            gpu = Some(check_masks(device, case, weights, &sequences, &ablations, &want));
        }
    });
}
