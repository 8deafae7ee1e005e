//! Bridges: the gradients of all terms of their loss, hybrid passes and steering, against the reference.

use crate::gradient_support::{close, named, stacked};
use crate::reference::bridge::{Bridge as ReferenceBridge, SiteParams, Terms, continued, streams, terms};
use crate::reference::gradients::{Number, TANGENTS, parameter_gradients};
use crate::reference::random::{self, Random};
use crate::reference::{LinearParams, Model as Reference, Scalar, params};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{Batch, IGNORE, now_or_never};
use sparse_circuits::bridge::ModelPair;
use sparse_circuits::bridge::hybrid::{Crossing, hybrid};
use sparse_circuits::bridge::steer::{SteeringVector, probabilities, steered_logits, steering_vectors};
use sparse_circuits::bridge::view::{TwinRequest, hybrid_view, twin_view};
use sparse_circuits::bridge::{Bridge, BridgeSite, DeviceBridge};
use sparse_circuits::model::{Config, Hook, Linear, LogitsAt, Node, Site, Weights, zero_gradients};
use sparse_circuits::tensor::{Matrix, WeightMatrix};
use sparse_circuits::train::bridge::{BridgeGradients, Bridged};
use sparse_circuits::train::config::BridgeConfig;

/// Two models of different widths, and a bridge.
struct Toy {
    sparse: Weights,
    dense: Weights,
    bridge: Bridge,
    texts: Vec<(Vec<u32>, Vec<Option<usize>>)>,
}

impl Toy {
    fn new(seed: u64) -> Toy {
        let sparse = Config { sink: true, ..random::base_config() };
        let dense = Config { d_model: 12, d_mlp: 9, afrac: None, enable_bigram_table: false, ..random::base_config() };
        let random = &mut Random::new(seed);
        let mut linear = |rows: usize, cols: usize| Linear {
            weight: WeightMatrix::Dense(random.matrix(rows, cols, 0.6, 1.0)),
            bias: Some(random.vector(rows, 0.1, 0.3)),
        };
        let site = |i: usize| BridgeSite {
            encoder: linear(sparse.d_model, dense.d_model),
            decoder: linear(dense.d_model, sparse.d_model),
            rms_ratio: 0.5 + i as f32 / 4.0,
        };
        let sites = (0..=2 * sparse.n_layer).map(site).collect();
        let random = &mut Random::new(seed + 1);
        let texts = [7, 19, 1]
            .map(|len| {
                let tokens = random.tokens(len, sparse.vocab_size);
                let targets =
                    (0..len).map(|_| (random.below(5) > 0).then(|| random.below(sparse.vocab_size))).collect();
                (tokens, targets)
            })
            .into();
        let bridge = Bridge { sites, kept: 4, channels: Default::default() };
        bridge.check(&sparse, &dense).unwrap();
        Toy {
            sparse: random::weights(&sparse, 0.5, seed),
            dense: random::weights(&dense, 1.0, seed + 2),
            bridge,
            texts,
        }
    }

    fn reference_bridge<T: Scalar>(&self) -> ReferenceBridge<T> {
        let linear = |linear: &Linear| LinearParams {
            weight: (0..linear.weight.rows())
                .map(|row| (0..linear.weight.cols()).map(|col| T::new(linear.weight.get(row, col) as f64)).collect())
                .collect(),
            bias: linear.bias.as_ref().map(|bias| bias.iter().map(|&v| T::new(v as f64)).collect()),
        };
        let sites = self.bridge.sites.iter();
        ReferenceBridge {
            sites: sites.map(|s| SiteParams { encoder: linear(&s.encoder), decoder: linear(&s.decoder) }).collect(),
            kept: self.bridge.kept,
        }
    }

    fn reference<'a, T: Scalar>(&self, weights: &'a Weights) -> Reference<'a, T> {
        Reference::new(&weights.config, params(weights))
    }
}

/// A different coefficient for each term.
fn coefficients() -> BridgeConfig {
    BridgeConfig {
        start: None,
        dense: String::new(),
        learning_rate: 0.01,
        kept: 0.4,
        sites_per_step: 2,
        freeze_sparse: false,
        cross_entropy: 0.9,
        nmse_encoder: 0.7,
        nmse_decoder: 0.5,
        kl_sparse: 1.3,
        kl_dense: 1.1,
    }
}

const SITES: [usize; 3] = [0, 3, 4];
const FACTOR: f64 = 5.0 / 3.0;

fn weighted<T: Scalar>(terms: Terms<T>) -> T {
    let c = coefficients();
    T::new(c.cross_entropy) * terms.cross_entropy
        + T::new(c.nmse_encoder) * terms.nmse_encoder
        + T::new(c.nmse_decoder) * terms.nmse_decoder
        + T::new(c.kl_sparse) * terms.kl_sparse
        + T::new(c.kl_dense) * terms.kl_dense
}

#[test]
fn all_terms_and_their_gradients_agree_with_the_reference() {
    let toy = Toy::new(5);
    let mut cpu = Cpu::new();
    let (sparse, dense) = (toy.sparse.upload(&mut cpu), toy.dense.upload(&mut cpu));
    let bridge = DeviceBridge::new(&mut cpu, &toy.bridge);
    let config = coefficients();
    let batch = Batch::new(&toy.texts.iter().map(|(tokens, _)| tokens.as_slice()).collect::<Vec<_>>());
    let mut targets = vec![IGNORE; batch.tokens().len()];
    for (span, (_, wanted)) in batch.spans().iter().zip(&toy.texts) {
        for (at, wanted) in wanted.iter().enumerate() {
            targets[span.start + at] = wanted.map_or(IGNORE, |token| token as u32);
        }
    }
    let share = 0.25;
    let mut gradients = zero_gradients(&mut cpu, &sparse);
    let mut bridge_gradients = BridgeGradients::zeros(&bridge);
    let bridged = Bridged { sparse: &sparse, dense: &dense, bridge: &bridge, config: &config };
    let got =
        bridged.accumulate(&mut cpu, &batch, &targets, share, (&SITES, FACTOR), &mut gradients, &mut bridge_gradients);

    let exact = toy.reference_bridge::<f64>();
    let (sparse_f64, dense_f64) = (toy.reference::<f64>(&toy.sparse), toy.reference::<f64>(&toy.dense));
    let want = terms(&sparse_f64, &dense_f64, &exact, &toy.texts, &SITES, FACTOR);
    for (name, got, want) in [
        ("cross entropy", got.cross_entropy, want.cross_entropy),
        ("nmse of the encoders", got.nmse_encoder, want.nmse_encoder),
        ("nmse of the decoders", got.nmse_decoder, want.nmse_decoder),
        ("kl, sparse tail", got.kl_sparse, want.kl_sparse),
        ("kl, dense tail", got.kl_dense, want.kl_dense),
    ] {
        assert!((got - want).abs() < 1e-5 * want.abs(), "{name}: {got}, want {want}");
    }

    // for the sparse model's parameters
    let (dense_dual, fixed) = (toy.reference::<Number>(&toy.dense), toy.reference_bridge::<Number>());
    let loss = |sparse: &Reference<Number>| weighted(terms(sparse, &dense_dual, &fixed, &toy.texts, &SITES, FACTOR));
    let want = stacked(parameter_gradients(&toy.sparse, loss));
    let by_name = named(&gradients, Matrix::clone);
    assert_eq!(by_name.len(), want.len());
    for (name, want) in &want {
        let want: Vec<f64> = want.concat().iter().map(|g| g * share).collect();
        close(name, &by_name[name].data.iter().map(|&g| g as f64).collect::<Vec<_>>(), &want);
    }

    // for the bridge's parameters, and along a random direction by finite differences of the loss
    let sparse_dual = toy.reference::<Number>(&toy.sparse);
    let mut random = Random::new(9);
    let (mut along, mut direction) = (0.0, Vec::new());
    for (index, got) in bridge_gradients.in_order().into_iter().enumerate() {
        let got: Vec<f64> = got.data.iter().map(|&g| g as f64).collect();
        let mut want = vec![0.0; got.len()];
        for (chunk, out) in want.chunks_mut(TANGENTS).enumerate() {
            let mut bridge = fixed.clone();
            let mut entries = entries(&mut bridge, index);
            for tangent in 0..out.len() {
                let entry = &mut entries[chunk * TANGENTS + tangent];
                **entry = Number::variable(entry.value, tangent);
            }
            let loss = weighted(terms(&sparse_dual, &dense_dual, &bridge, &toy.texts, &SITES, FACTOR));
            out.copy_from_slice(&loss.tangents.unwrap_or_default()[..out.len()]);
        }
        want.iter_mut().for_each(|g| *g *= share);
        close(&format!("bridge tensor {index}"), &got, &want);
        let step: Vec<f64> = got.iter().map(|_| random.uniform() as f64 - 0.5).collect();
        along += got.iter().zip(&step).map(|(g, s)| g * s).sum::<f64>();
        direction.push(step);
    }
    let moved = |by: f64| {
        let mut bridge = exact.clone();
        for (index, step) in direction.iter().enumerate() {
            for (entry, step) in entries(&mut bridge, index).into_iter().zip(step) {
                *entry += by * step;
            }
        }
        share * weighted(terms(&sparse_f64, &dense_f64, &bridge, &toy.texts, &SITES, FACTOR))
    };
    let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
    assert!((difference - along).abs() < 1e-4 * along.abs(), "{along} by the engine, {difference} by differences");
}

/// The numbers of a bridge's tensor, in the order of the trainer's parameters.
fn entries<T>(bridge: &mut ReferenceBridge<T>, index: usize) -> Vec<&mut T> {
    let site = &mut bridge.sites[index / 4];
    let linear = if index % 4 < 2 { &mut site.encoder } else { &mut site.decoder };
    match index % 2 {
        0 => linear.weight.iter_mut().flatten().collect(),
        _ => linear.bias.iter_mut().flatten().collect(),
    }
}

#[test]
fn hybrid_passes_agree_with_the_reference() {
    let toy = Toy::new(6);
    let mut cpu = Cpu::new();
    let (sparse, dense) = (toy.sparse.upload(&mut cpu), toy.dense.upload(&mut cpu));
    let bridge = DeviceBridge::new(&mut cpu, &toy.bridge);
    let batch = Batch::new(&toy.texts.iter().map(|(tokens, _)| tokens.as_slice()).collect::<Vec<_>>());
    let reference = toy.reference_bridge::<f64>();
    let (sparse_ref, dense_ref) = (toy.reference::<f64>(&toy.sparse), toy.reference::<f64>(&toy.dense));
    for boundary in 0..=4 {
        for crossing in [Crossing::DenseToSparse, Crossing::SparseToDense] {
            let logits =
                hybrid(&mut cpu, &sparse, &dense, &bridge, crossing, boundary, &batch, LogitsAt::Every).unwrap();
            for (span, (tokens, _)) in batch.spans().iter().zip(&toy.texts) {
                let want = match crossing {
                    Crossing::DenseToSparse => {
                        let stream = reference.encode(boundary, &streams(&dense_ref, tokens).0[boundary]);
                        continued(&sparse_ref, tokens, boundary, &stream)
                    }
                    Crossing::SparseToDense => {
                        let stream = reference.decode(boundary, &streams(&sparse_ref, tokens).0[boundary]);
                        continued(&dense_ref, tokens, boundary, &stream)
                    }
                };
                for (token, want) in want.iter().enumerate() {
                    let got: Vec<f64> = (0..want.len()).map(|id| logits.get(span.start + token, id) as f64).collect();
                    close(&format!("{crossing:?} at {boundary}, token {token}"), &got, want);
                }
            }
        }
    }
}

#[test]
fn steering_agrees_with_the_reference() {
    let toy = Toy::new(7);
    let mut cpu = Cpu::new();
    let (sparse, dense) = (toy.sparse.upload(&mut cpu), toy.dense.upload(&mut cpu));
    let (a, b) = (&toy.texts[1].0, &toy.texts[0].0);
    let (sparse_ref, dense_ref) = (toy.reference::<f64>(&toy.sparse), toy.reference::<f64>(&toy.dense));
    let nodes: Vec<Node> = [(0, Site::AttnActIn), (0, Site::MlpActIn), (1, Site::AttnActIn), (1, Site::MlpActIn)]
        .into_iter()
        .flat_map(|(layer, site)| (0..3).map(move |index| Node { hook: Hook::at(layer, site), index }))
        .collect();
    let full = now_or_never(steering_vectors(&mut cpu, &sparse, &toy.bridge, [a, b], &nodes)).unwrap();
    let halved: Vec<SteeringVector> = full.iter().map(|vector| vector.scaled(0.5)).collect();
    let got = now_or_never(steered_logits(&mut cpu, &dense, a, &halved, [2, 7])).unwrap();
    let mut moved = 0;
    for (node, got) in nodes.iter().zip(got) {
        let read = |tokens: &[u32]| -> Vec<f64> {
            sparse_ref.run(tokens, &[]).activations[&node.hook].iter().map(|row| row[node.index]).collect()
        };
        let (in_a, in_b) = (read(a), read(b));
        let boundary = (0..4)
            .find(|&i| [Site::AttnActIn, Site::MlpActIn].map(|s| Hook::at(i / 2, s))[i % 2] == node.hook)
            .unwrap();
        let site = &toy.bridge.sites[boundary];
        let want = dense_ref.forward(a, &mut |hook, x| {
            if hook == node.hook {
                for i in 0..a.len().min(b.len()) {
                    let (at, from) = (a.len() - 1 - i, b.len() - 1 - i);
                    for (channel, x) in x[at].iter_mut().enumerate() {
                        let row = site.decoder.weight.get(channel, node.index) as f64;
                        *x += 0.5 * (in_b[from] - in_a[at]) * site.rms_ratio as f64 * row;
                    }
                }
            }
        });
        let want = want.last().unwrap();
        close(&format!("{node}"), &got.map(|logit| logit as f64), &[want[2], want[7]]);
        let still = dense_ref.run(a, &[]).logits;
        moved += (still.last().unwrap()[2] != want[2]) as usize;
    }
    assert!(moved > nodes.len() / 2, "{moved} of {} nodes move the dense model", nodes.len());

    let still = now_or_never(steered_logits(&mut cpu, &dense, a, &[full[0].scaled(0.0)], [2, 7])).unwrap()[0];
    let want = dense_ref.run(a, &[]).logits;
    close("no strength", &still.map(|v| v as f64), &[want[18][2], want[18][7]]);
    assert_eq!(probabilities([1.0, 1.0]), [0.5, 0.5]);

    let random = full[0].random(3);
    let norm = |vector: &SteeringVector| vector.direction.iter().map(|v| (v * v) as f64).sum::<f64>().sqrt();
    assert!((norm(&random) - norm(&full[0])).abs() < 1e-6 * norm(&full[0]) && random.direction != full[0].direction);
    assert_eq!((random.boundary, &random.delta, full[0].random(3)), (full[0].boundary, &full[0].delta, random.clone()));
}

#[test]
fn long_prompts_lose_their_first_tokens() {
    let mut toy = Toy::new(7);
    toy.dense.config.block_size = 30;
    let mut cpu = Cpu::new();
    let (sparse, dense) = (toy.sparse.upload(&mut cpu), toy.dense.upload(&mut cpu));
    let models: ModelPair<Cpu> = ModelPair { sparse: &sparse, dense: &dense, bridge: &toy.bridge };
    let tokens = |range: std::ops::Range<u32>| range.collect::<Vec<u32>>();
    let pairs = vec![[tokens(0..33), tokens(0..30)], [tokens(0..1), tokens(0..90)]];
    // the shorter context is that of the dense model
    let want = vec![[tokens(3..33), tokens(0..30)], [tokens(0..1), tokens(60..90)]];
    assert_eq!(models.cut(pairs), want);
}

#[test]
fn a_view_agrees_with_single_calls() {
    let toy = Toy::new(7);
    let mut cpu = Cpu::new();
    let (sparse, dense) = (toy.sparse.upload(&mut cpu), toy.dense.upload(&mut cpu));
    let device = DeviceBridge::new(&mut cpu, &toy.bridge);
    let models = ModelPair { sparse: &sparse, dense: &dense, bridge: &toy.bridge };
    let (a, b) = (&toy.texts[1].0, &toy.texts[0].0);
    let node = |text: &str| text.parse::<Node>().unwrap();
    let nodes = [node("1.attn.act_in.2"), node("0.mlp.act_in.1"), node("1.attn.q.3")];
    let strengths = [0.0, 0.5, 1.0];
    let mut request = TwinRequest {
        a: a.clone(),
        b: Some(b.clone()),
        node: nodes[0],
        strengths: strengths.to_vec(),
        others: nodes.to_vec(),
        random: 20,
        candidates: [2, 7],
    };
    let view = now_or_never(twin_view(&mut cpu, models, &request)).unwrap();
    let full = now_or_never(steering_vectors(&mut cpu, &sparse, &toy.bridge, [a, b], &nodes[..2])).unwrap();
    let mut single = |vector: SteeringVector| {
        probabilities(now_or_never(steered_logits(&mut cpu, &dense, a, &[vector], [2, 7])).unwrap()[0])
    };
    let near = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).abs() < 1e-6 && (a[1] - b[1]).abs() < 1e-6;
    assert!(near(view.before, single(full[0].scaled(0.0))) && near(view.before, view.curve[0]));
    assert!(strengths.iter().zip(&view.curve).all(|(&strength, p)| near(*p, single(full[0].scaled(strength)))));
    assert!((0..20).all(|seed| near(view.random[seed], single(full[0].random(seed as u64)))));
    assert_eq!(view.others.iter().map(|other| other.node).collect::<Vec<_>>(), [nodes[1]]);
    assert!(near(view.others[0].p, single(full[1].clone())) && !near(view.curve[2], view.before));

    request.b = None;
    let alone = now_or_never(twin_view(&mut cpu, models, &request)).unwrap();
    assert!(
        near(alone.before, view.before) && alone.curve.is_empty() && alone.random.is_empty() && alone.others.is_empty()
    );

    let crossed = now_or_never(hybrid_view(&mut cpu, models, &device, a, [2, 7])).unwrap();
    assert!(near(crossed.dense, view.before));
    let batch = Batch::new(&[a]);
    for at in 0..5 {
        for (crossing, got) in [
            (Crossing::SparseToDense, crossed.sparse_to_dense[at]),
            (Crossing::DenseToSparse, crossed.dense_to_sparse[at]),
        ] {
            let logits = hybrid(&mut cpu, &sparse, &dense, &device, crossing, at, &batch, LogitsAt::Last).unwrap();
            assert!(near(got, probabilities([2, 7].map(|id| logits.get(0, id)))), "{crossing:?} at {at}");
        }
    }
    assert!(now_or_never(hybrid_view(&mut cpu, models, &device, &[], [2, 7])).is_err());
}

#[test]
fn steering_errors_name_the_cause() {
    let toy = Toy::new(8);
    let mut cpu = Cpu::new();
    let (sparse, dense) = (toy.sparse.upload(&mut cpu), toy.dense.upload(&mut cpu));
    let mut error = |node: &str, a: &[u32], b: &[u32]| {
        let nodes = [node.parse::<Node>().unwrap()];
        now_or_never(steering_vectors(&mut cpu, &sparse, &toy.bridge, [a, b], &nodes)).unwrap_err().to_string()
    };
    assert!(error("0.attn.q.1", &[1], &[2]).contains("0.attn.q.1 does not read"));
    assert!(error("0.attn.act_in.99", &[1], &[2]).contains("0.attn.act_in.99"));
    assert!(error("7.attn.act_in.0", &[1], &[2]).contains("7.attn.act_in.0"));
    assert!(error("0.attn.act_in.1", &[], &[2]).contains("the prompt is empty"));
    assert!(error("0.attn.act_in.1", &[1], &[99]).contains("the counterfactual has the token 99"));
    let vector = SteeringVector { boundary: 0, delta: vec![f32::MAX], direction: vec![f32::MAX; 12] };
    assert!(
        now_or_never(steered_logits(&mut cpu, &dense, &[1], &[vector], [2, 7]))
            .unwrap_err()
            .to_string()
            .contains("non-finite")
    );
    let narrow = Bridge { sites: toy.bridge.sites[..3].to_vec(), ..toy.bridge.clone() };
    assert!(narrow.check(&toy.sparse.config, &toy.dense.config).unwrap_err().to_string().contains("has 3 sites"));
}
