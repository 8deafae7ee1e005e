//! Small models for the pruning tests: one whose circuit is known because its weights were set by hand, and random ones.

#![allow(dead_code)] // each test uses a part

use crate::reference::random::base_config;
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{Activation, Batch};
use sparse_circuits::model::{Config, Hook, Hooks, LogitsAt, Presence, Role, Tensor, Weights, forward};
use sparse_circuits::tensor::{Activations, Matrix, SparseMatrix, WeightMatrix};
use std::collections::BTreeMap;

pub struct Toy {
    pub weights: Weights,
    pub means: BTreeMap<Hook, Vec<f32>>,
    pub candidates: [u32; 2],
}

/// Splitmix64: numbers for tests.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    /// In -1..1.
    pub fn signed(&mut self) -> f32 {
        (self.word() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Openers 1 (kind a) and 2 (kind b), fillers 3 (noise upwards), 4 (noise downwards) and 5, the
/// prompt's last token 6; the candidates are 7 (right after opener 1) and 8.
const VOCAB: usize = 9;

/// Prompts of one opener among 3 to 20 fillers; the pair's other prompt has the other opener in its place.
pub fn pairs(count: usize, seed: u64) -> Vec<[Vec<u32>; 2]> {
    let mut numbers = Numbers::new(seed);
    (0..count)
        .map(|_| {
            let length = 4 + numbers.below(18);
            let mut a: Vec<u32> = (0..length).map(|_| 3 + numbers.below(3) as u32).collect();
            let opener = numbers.below(length);
            a[opener] = 1;
            a.push(6);
            let mut b = a.clone();
            b[opener] = 2;
            [a, b]
        })
        .collect()
}

/// What the hand-built model needs: the opener's kind and its presence are read, a head looks for openers by one key channel, takes
/// the kind by one value channel and writes the answer. The query is constant, and so equal to its mean.
pub const HAND_BUILT_CIRCUIT: &[&str] =
    &["0.attn.act_in.0", "0.attn.act_in.1", "0.attn.k.0", "0.attn.resid_delta.5", "0.attn.v.0"];

pub fn hand_built() -> Toy {
    let config = Config { n_layer: 1, n_head: 2, d_head: 2, d_model: 8, d_mlp: 6, ..config() };
    let mut wte = Matrix::zeros(VOCAB, 8);
    let mut set = |token: usize, channel: usize, value: f32| wte.data[token * 8 + channel] = value;
    // channel 0: the kind, on fillers noise; channel 1: an opener; channel 2: all tokens, so that the norm stays even
    for (token, kind) in [(1, 1.0), (2, -1.0), (3, 0.8), (4, -0.8)] {
        set(token, 0, kind);
    }
    set(1, 1, 1.0);
    set(2, 1, 1.0);
    for token in 0..VOCAB {
        set(token, 2, 1.0);
        set(token, 6, if token % 2 == 0 { 0.4 } else { -0.4 });
    }
    let weights = Weights::build(&config, |info| {
        let [rows, cols] = info.shape;
        let mut values = Matrix::zeros(rows, cols);
        let mut set = |row: usize, col: usize, value: f32| values.data[row * cols + col] = value;
        match info.to_string().as_str() {
            "wte" => values = wte.clone(),
            "0.q.bias" => set(0, 0, 4.0), // constant
            "0.k.weight" => set(0, 1, 4.0),
            "0.v.weight" => {
                set(0, 0, 1.0);
                set(2, 6, 1.0); // a head that averages noise onto a channel that hardly matters
            }
            "0.attn_c_proj.weight" => {
                set(5, 0, 2.0);
                set(7, 2, 0.5);
            }
            "0.c_fc.weight" => (0..6).for_each(|neuron| set(neuron, (neuron + 2) % 8, 0.5)),
            "0.mlp_c_proj.weight" => (0..6).for_each(|neuron| set(neuron % 3 + 2, neuron, 0.2)),
            "lm_head" => {
                for (token, sign) in [(7, 1.0), (8, -1.0)] {
                    set(token, 5, 3.0 * sign);
                    set(token, 7, 0.05 * sign);
                }
            }
            _ => {}
        }
        Ok(match info.tensor(values) {
            Tensor::Matrix(values) => Some(Tensor::Matrix(WeightMatrix::Sparse(SparseMatrix::from_dense(&values)))),
            Tensor::Vector(values) => (info.presence == Presence::Required).then_some(Tensor::Vector(values.data)),
        })
    });
    let weights = weights.unwrap();
    let means = means(&weights);
    Toy { weights, means, candidates: [7, 8] }
}

/// What the model of [`two_paths`] needs: both openers' kinds and their presence are read, and each path has a head of its own.
pub const TWO_PATHS_CIRCUIT: &[&str] = &[
    "0.attn.act_in.0",
    "0.attn.act_in.1",
    "0.attn.act_in.3",
    "0.attn.k.0",
    "0.attn.k.2",
    "0.attn.resid_delta.5",
    "0.attn.resid_delta.7",
    "0.attn.v.0",
    "0.attn.v.2",
];

/// The hand-built model with two paths from an opener to the answer: openers 1 and 2 take one, openers 3 and 4 the other, over nodes
/// that are all different. No single node flips the answer to both kinds of prompts.
pub fn two_paths() -> Toy {
    let mut toy = hand_built();
    let sparse = |dense: Matrix| WeightMatrix::Sparse(SparseMatrix::from_dense(&dense));
    let mut wte = Matrix::zeros(VOCAB, 8);
    for (token, channel, kind) in [(1, 0, 1.0), (2, 0, -1.0), (3, 3, 1.0), (4, 3, -1.0)] {
        wte.data[token * 8 + channel] = kind;
        wte.data[token * 8 + 1] = 1.0;
    }
    (0..VOCAB).for_each(|token| wte.data[token * 8 + 2] = 1.0);
    let [mut query, mut key, mut value] = [vec![0.0; 4], vec![0.0; 4 * 8], vec![0.0; 4 * 8]];
    let mut c_proj = Matrix::zeros(8, 4);
    for (head, kind, out) in [(0, 0, 5), (2, 3, 7)] {
        query[head] = 4.0; // constant
        key[head * 8 + 1] = 4.0; // act_in.1 -> k
        value[head * 8 + kind] = 1.0; // the kind -> v
        c_proj.data[out * 4 + head] = 2.0; // v -> resid_delta
    }
    let mut lm_head = Matrix::zeros(VOCAB, 8);
    for (token, sign) in [(7, 1.0), (8, -1.0)] {
        lm_head.data[token * 8 + 5] = 3.0 * sign;
        lm_head.data[token * 8 + 7] = 3.0 * sign;
    }
    toy.weights.wte = sparse(wte);
    let block = &mut toy.weights.blocks[0];
    block.q.bias = Some(query);
    block.k.weight = sparse(Matrix::new(4, 8, key));
    block.v.weight = sparse(Matrix::new(4, 8, value));
    block.attn_c_proj.weight = sparse(c_proj);
    toy.weights.lm_head = Some(sparse(lm_head));
    toy.means = means(&toy.weights);
    toy
}

/// Pairs for [`two_paths`]: two of three take the first path.
pub fn two_path_pairs(count: usize, seed: u64) -> Vec<[Vec<u32>; 2]> {
    let mut numbers = Numbers::new(seed);
    (0..count)
        .map(|pair| {
            let openers = if pair % 3 < 2 { [1, 2] } else { [3, 4] };
            let length = 4 + numbers.below(18);
            let at = numbers.below(length);
            openers.map(|opener| {
                let mut prompt = vec![5; length];
                prompt[at] = opener;
                prompt.push(6);
                prompt
            })
        })
        .collect()
}

/// Two layers of random weights; with `top_k`, AbsTopK at every place, sinks and a bigram table.
pub fn random_model(top_k: bool) -> Toy {
    let config = Config {
        n_layer: 2,
        n_head: 3,
        d_head: 4,
        d_model: 10,
        d_mlp: 21,
        activation_type: if top_k { Activation::Relu } else { Activation::Gelu },
        afrac: top_k.then_some(0.4),
        sink: top_k,
        enable_bigram_table: top_k,
        ..config()
    };
    let mut numbers = Numbers::new(11);
    let mut dense = |rows: usize, cols: usize, density: usize| {
        let mut entry = || if numbers.below(100) < density { 1.5 * numbers.signed() } else { 0.0 };
        Matrix::new(rows, cols, (0..rows * cols).map(|_| entry()).collect())
    };
    let weights = Weights::build(&config, |info| {
        let [rows, cols] = info.shape;
        let density = match info.role {
            Role::Read | Role::Write => 40,
            Role::Embedding if info.module == "lm_head" => 60,
            Role::Gain => return Ok(None),
            _ => 100,
        };
        let mut values = dense(rows, cols, density);
        if info.part == "bias" {
            values.data.iter_mut().for_each(|value| *value *= 0.2);
        }
        Ok(Some(match info.tensor(values) {
            Tensor::Matrix(values) if density == 40 => {
                Tensor::Matrix(WeightMatrix::Sparse(SparseMatrix::from_dense(&values)))
            }
            Tensor::Matrix(values) => Tensor::Matrix(WeightMatrix::Dense(values)),
            Tensor::Vector(values) => Tensor::Vector(values.data),
        }))
    });
    let weights = weights.unwrap();
    let means = means(&weights);
    Toy { weights, means, candidates: [7, 8] }
}

fn config() -> Config {
    Config {
        block_size: 64,
        vocab_size: VOCAB,
        n_layer: 1,
        n_head: 1,
        d_head: 2,
        d_model: 4,
        d_mlp: 4,
        activation_type: Activation::Relu,
        afrac: None,
        enable_bigram_table: false,
        ..base_config()
    }
}

/// Sums at every hook over the real tokens of a batch.
struct Sums {
    tokens: Vec<usize>,
    sums: BTreeMap<Hook, Vec<f64>>,
}

impl Hooks<Cpu> for Sums {
    fn forward(&mut self, _: &mut Cpu, hook: Hook, x: &mut Activations) -> sparse_circuits::Result<()> {
        let sums = (0..x.channels()).map(|c| self.tokens.iter().map(|&t| x.get(t, c) as f64).sum()).collect();
        self.sums.insert(hook, sums);
        Ok(())
    }
}

/// Means at every hook over the tokens of some prompts.
pub fn means(weights: &Weights) -> BTreeMap<Hook, Vec<f32>> {
    let prompts: Vec<Vec<u32>> = pairs(200, 9).into_iter().flatten().collect();
    let batch = Batch::new(&prompts);
    let tokens: Vec<usize> = batch.spans().iter().flat_map(|s| s.start..s.start + s.len).collect();
    let mut cpu = Cpu::new();
    let model = weights.upload(&mut cpu);
    let n = tokens.len() as f64;
    let mut sums = Sums { tokens, sums: BTreeMap::new() };
    forward(&mut cpu, &model, &batch, LogitsAt::Last, &mut sums).unwrap();
    sums.sums.into_iter().map(|(hook, sums)| (hook, sums.iter().map(|s| (s / n) as f32).collect())).collect()
}
