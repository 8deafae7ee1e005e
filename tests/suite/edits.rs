//! Compares edits and modes with the reference model, which applies the same changes one by one.

use crate::reference;

use crate::reference::random::{self, Random};
use crate::reference::{EdgeTarget, Edit, EditOp, OffEdge};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{Backend, now_or_never};
use sparse_circuits::circuit::{
    Calibration, Circuit, EdgeId, Edits, Means, Mode, Request, Target, Values, align, block_on, predict, run,
};
use sparse_circuits::model::{Config, Hook, LogitsAt, Node, Weights};
use std::collections::{BTreeMap, BTreeSet};

pub struct Case {
    pub name: &'static str,
    pub weights: Weights,
    pub means: Means,
    pub circuit: Circuit,
    pub a: Vec<u32>,
    pub b: Vec<u32>,
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (i, (name, config)) in random::configs().into_iter().enumerate() {
        let random = &mut Random::new(100 + i as u64);
        cases.push(Case {
            name,
            weights: random::weights(&config, 0.6, i as u64),
            means: Hook::all(config.n_layer)
                .into_iter()
                .map(|hook| (hook, random.vector(hook.width(&config), 0.0, 1.0)))
                .collect(),
            circuit: Circuit {
                task: "test".into(),
                candidate_ids: [3, 5],
                nodes: some_nodes(random, &config, 12),
                flip_nodes: some_nodes(random, &config, 3),
                calibration: Calibration { scale: 1.5, shift: -0.25, std: 2.0 },
                labels: BTreeMap::new(),
                scores: None,
                nested: Vec::new(),
            },
            a: random.tokens(19, config.vocab_size),
            b: random.tokens(if i % 2 == 0 { 17 } else { 23 }, config.vocab_size),
        });
    }
    cases
}

fn some_nodes(random: &mut Random, config: &Config, count: usize) -> BTreeSet<Node> {
    some(random, config, &Hook::node_hooks(config.n_layer), count)
}

pub fn some(random: &mut Random, config: &Config, hooks: &[Hook], count: usize) -> BTreeSet<Node> {
    (0..count)
        .map(|_| {
            let hook = hooks[random.below(hooks.len())];
            Node::new(hook, random.below(hook.width(config)))
        })
        .collect()
}

pub fn all_nodes(config: &Config) -> BTreeSet<Node> {
    let hooks = Hook::node_hooks(config.n_layer).into_iter();
    hooks.flat_map(|hook| (0..hook.width(config)).map(move |index| Node::new(hook, index))).collect()
}

impl Case {
    pub fn config(&self) -> &Config {
        &self.weights.config
    }

    pub fn run(&self, edits: &Edits) -> Values {
        self.try_run(edits, Some(&self.b)).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub fn try_run(&self, edits: &Edits, b: Option<&[u32]>) -> sparse_circuits::Result<Values> {
        block_on(self.run_on(&mut Cpu::new(), edits, b))
    }

    pub async fn run_on<B: Backend>(
        &self,
        backend: &mut B,
        edits: &Edits,
        b: Option<&[u32]>,
    ) -> sparse_circuits::Result<Values> {
        let model = self.weights.upload(backend);
        let hooks: BTreeSet<Hook> = Hook::all(self.config().n_layer).into_iter().collect();
        let plain = Request::new(&self.a, edits, &self.means);
        let circuit = Some(&self.circuit);
        let request = Request { source: b, circuit, logits_at: LogitsAt::Every, hooks: &hooks, ..plain };
        run(backend, &model, &request)?.read(backend).await
    }

    /// The mode as mean ablations of the reference model.
    fn ablations(&self, mode: Mode) -> Vec<Edit<f64>> {
        let mask = |hook: Hook| -> Vec<f64> {
            let inside = |index| self.circuit.nodes.contains(&Node::new(hook, index));
            (0..hook.width(self.config()))
                .map(|index| match mode {
                    Mode::Full => 1.0,
                    Mode::Circuit => f64::from(u8::from(inside(index))),
                    Mode::Removed => f64::from(u8::from(!inside(index))),
                })
                .collect()
        };
        let hooks = Hook::node_hooks(self.config().n_layer).into_iter();
        hooks.map(|hook| Edit::mean_ablate(hook, &mask(hook), &doubles(&self.means[&hook]))).collect()
    }

    fn reference(&self, tokens: &[u32], edits: &[Edit<f64>]) -> reference::Run<f64> {
        let model = reference::Model::new(self.config(), reference::params(&self.weights));
        model.run(tokens, edits)
    }

    /// The same edits, step by step, in the reference model.
    pub fn expected(&self, edits: &Edits) -> reference::Run<f64> {
        let mut list = self.ablations(edits.mode);
        let b = self.reference(&self.b, &list);
        let flipped = if edits.flip { self.circuit.flip_nodes.clone() } else { BTreeSet::new() };
        for node in flipped.union(&edits.patch) {
            for (from, to) in align(self.b.len(), self.a.len()) {
                let value = b.activations[&node.hook][from as usize][node.index];
                list.push(Edit {
                    hook: node.hook,
                    positions: Some(vec![to as usize]),
                    op: EditOp::Set(vec![(node.index, value)]),
                });
            }
        }
        for (node, &factor) in &edits.scale {
            list.push(Edit {
                hook: node.hook,
                positions: None,
                op: EditOp::Scale(vec![node.index], f64::from(factor)),
            });
        }
        for (node, &value) in &edits.set {
            list.push(Edit { hook: node.hook, positions: None, op: EditOp::Set(vec![(node.index, f64::from(value))]) });
        }
        for node in &edits.off {
            let mean = f64::from(self.means[&node.hook][node.index]);
            list.push(Edit { hook: node.hook, positions: None, op: EditOp::Set(vec![(node.index, mean)]) });
        }
        let mut model = reference::Model::new(self.config(), reference::params(&self.weights));
        model.off_edges = edits.off_edges.iter().map(|edge| self.off_edge(*edge)).collect();
        model.run(&self.a, &list)
    }

    fn off_edge(&self, EdgeId { from, to }: EdgeId) -> OffEdge {
        let to = match to {
            Target::Node(node) => EdgeTarget::Node(node),
            Target::Logit(candidate) => EdgeTarget::Logit(self.circuit.candidate_ids[candidate] as usize),
        };
        OffEdge { from, to, mean: f64::from(self.means[&from.hook][from.index]) }
    }

    pub fn compare(&self, what: &str, got: &Values, want: &reference::Run<f64>) {
        let close = |name: &str, got: f32, want: f64| {
            assert!(
                (f64::from(got) - want).abs() <= 1e-4 * want.abs().max(1.0),
                "{}, {what}, {name}: {got}, not {want}",
                self.name
            );
        };
        for token in 0..self.a.len() {
            for (index, &want) in want.logits[token].iter().enumerate() {
                close("logits", got.logits.get(token, index), want);
            }
            for (hook, values) in &got.values {
                for (index, &want) in want.activations[hook][token].iter().enumerate() {
                    close(&format!("{hook}.{index}"), values.get(token, index), want);
                }
            }
        }
    }
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

pub const MODES: [Mode; 3] = [Mode::Full, Mode::Circuit, Mode::Removed];

#[test]
fn every_kind_of_edit_in_every_mode_agrees_with_the_reference() {
    for case in cases() {
        let random = &mut Random::new(7);
        let hooks = Hook::all(case.config().n_layer);
        for mode in MODES {
            let plain = Edits { mode, ..Edits::default() };
            case.compare(&format!("{mode:?}"), &case.run(&plain), &case.expected(&plain));
            // Each kind alone, at any hook, then all of them at once, with nodes that have several.
            let off = some(random, case.config(), &hooks, 6);
            let patch = some(random, case.config(), &hooks, 6);
            let mut numbers = |also: &BTreeSet<Node>| -> BTreeMap<Node, f32> {
                let mut nodes = some(random, case.config(), &hooks, 5);
                nodes.extend(also.iter().take(2));
                nodes.into_iter().map(|node| (node, 4.0 * random.uniform() - 2.0)).collect()
            };
            let (set, scale) = (numbers(&off), numbers(&patch));
            for (what, edits) in [
                ("off", Edits { off: off.clone(), ..plain.clone() }),
                ("set", Edits { set: set.clone(), ..plain.clone() }),
                ("scale", Edits { scale: scale.clone(), ..plain.clone() }),
                ("patch", Edits { patch: patch.clone(), ..plain.clone() }),
                ("flip", Edits { flip: true, ..plain.clone() }),
                ("all", Edits { mode, off, set, scale, patch, flip: true, ..plain.clone() }),
            ] {
                case.compare(&format!("{mode:?} with {what}"), &case.run(&edits), &case.expected(&edits));
            }
        }
    }
}

/// Changes of one node, at one hook, written out: the patch comes first, then scale, set and off.
#[test]
fn changes_of_one_node_apply_in_their_order() {
    let case = cases().swap_remove(0);
    let node: Node = "0.mlp.post_act.4".parse().unwrap();
    let at = |values: &Values, token: usize| values.values[&node.hook].get(token, node.index);
    let (plain, source) = (case.run(&Edits::default()), case.reference(&case.b, &[]));
    let (set, scale) = (BTreeMap::from([(node, 0.75)]), BTreeMap::from([(node, -3.0)]));
    let (off, patch) = (BTreeSet::from([node]), BTreeSet::from([node]));
    let mean = case.means[&node.hook][node.index];
    for token in 2..case.a.len() {
        // prompt B has 17 tokens, prompt A 19
        let from_b = source.activations[&node.hook][token - 2][node.index] as f32;
        for (what, edits, want) in [
            ("scale", Edits { scale: scale.clone(), ..Edits::default() }, -3.0 * at(&plain, token)),
            ("patch, scale", Edits { scale: scale.clone(), patch: patch.clone(), ..Edits::default() }, -3.0 * from_b),
            ("scale, set", Edits { scale: scale.clone(), set: set.clone(), ..Edits::default() }, 0.75),
            ("patch, set", Edits { patch: patch.clone(), set: set.clone(), ..Edits::default() }, 0.75),
            ("set, off", Edits { set: set.clone(), off: off.clone(), ..Edits::default() }, mean),
            ("scale, off", Edits { scale: scale.clone(), off: off.clone(), ..Edits::default() }, mean),
        ] {
            let got = at(&case.run(&edits), token);
            assert!((got - want).abs() <= 1e-4 * want.abs().max(1.0), "{what} at token {token}: {got}, not {want}");
        }
    }
}

#[test]
fn all_nodes_off_equals_the_empty_circuit_and_the_full_circuit_equals_the_model() {
    for mut case in cases() {
        let full = case.run(&Edits::default());
        let off = case.run(&Edits { off: all_nodes(case.config()), ..Edits::default() });
        case.circuit.nodes = all_nodes(case.config());
        let whole = case.run(&Edits { mode: Mode::Circuit, ..Edits::default() });
        let removed = case.run(&Edits { mode: Mode::Removed, ..Edits::default() });
        case.circuit.nodes.clear();
        let none = case.run(&Edits { mode: Mode::Circuit, ..Edits::default() });
        assert_eq!(full.logits, whole.logits, "{}", case.name);
        assert_eq!(off.logits, none.logits, "{}", case.name);
        assert_eq!(off.logits, removed.logits, "{}", case.name);
        assert_ne!(off.logits, full.logits, "{}", case.name);
    }
}

#[test]
fn a_flip_changes_values_only_if_prompt_b_differs() {
    for case in cases() {
        for mode in MODES {
            let plain = case.run(&Edits { mode, ..Edits::default() });
            let flip = Edits { mode, flip: true, ..Edits::default() };
            assert_eq!(case.try_run(&flip, Some(&case.a)).unwrap().logits, plain.logits, "{}", case.name);
            // With the circuit alone, what feeds these nodes may be at its mean in both prompts.
            assert!(mode != Mode::Full || case.run(&flip).values != plain.values, "{}", case.name);
        }
    }
}

#[test]
fn tokens_are_aligned_from_the_end() {
    assert_eq!(align(3, 5), [(0, 2), (1, 3), (2, 4)]);
    assert_eq!(align(5, 3), [(2, 0), (3, 1), (4, 2)]);
    assert_eq!(align(0, 4), []);
}

#[test]
fn bad_edits_are_rejected_with_a_sentence() {
    let mut case = cases().swap_remove(0);
    let node = |text: &str| text.parse::<Node>().unwrap();
    let one = |text: &str| BTreeSet::from([node(text)]);
    let refused = |case: &Case, edits: Edits, b: Option<&[u32]>, part: &str| {
        let message = case.try_run(&edits, b).err().unwrap_or_else(|| panic!("{edits:?} was taken")).to_string();
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    };
    let b = case.b.clone();
    let b = Some(&b[..]);
    refused(&case, Edits { off: one("9.attn.q.0"), ..Edits::default() }, b, "only 2 layers");
    refused(&case, Edits { patch: one("0.mlp.post_act.13"), ..Edits::default() }, b, "only 13 channels");
    refused(
        &case,
        Edits { set: [(node("0.attn.k.1"), f32::NAN)].into(), ..Edits::default() },
        b,
        "not a finite number",
    );
    refused(
        &case,
        Edits { scale: [(node("0.attn.k.1"), f32::INFINITY)].into(), ..Edits::default() },
        b,
        "not a finite number",
    );
    refused(&case, Edits { patch: one("0.attn.q.0"), ..Edits::default() }, None, "second prompt");
    refused(&case, Edits { flip: true, ..Edits::default() }, None, "second prompt");
    refused(&case, Edits { flip: true, ..Edits::default() }, Some(&[]), "second prompt is empty");
    refused(&case, Edits { flip: true, ..Edits::default() }, Some(&[99]), "token 99");
    case.circuit.flip_nodes.clear();
    refused(&case, Edits { flip: true, ..Edits::default() }, b, "no nodes to flip");
    case.means.remove(&Hook::FinalResid);
    refused(&case, Edits { off: one("final_resid.1"), ..Edits::default() }, b, "mean at final_resid");
    case.means.clear();
    refused(&case, Edits { off: one("0.attn.q.1"), ..Edits::default() }, b, "sparse-circuits means");
    refused(&case, Edits { mode: Mode::Circuit, ..Edits::default() }, b, "sparse-circuits means");
    case.a = vec![];
    refused(&case, Edits::default(), b, "empty");
    case.a = vec![0; 41];
    refused(&case, Edits::default(), b, "at most 40");
    case.a = vec![11];
    refused(&case, Edits::default(), b, "0 to 10");
}

#[test]
fn modes_and_flips_need_a_circuit() {
    let case = cases().swap_remove(0);
    let mut cpu = Cpu::new();
    let model = case.weights.upload(&mut cpu);
    for edits in [
        Edits { mode: Mode::Circuit, ..Edits::default() },
        Edits { mode: Mode::Removed, ..Edits::default() },
        Edits { flip: true, ..Edits::default() },
    ] {
        let request = Request { source: Some(&case.b), ..Request::new(&case.a, &edits, &case.means) };
        let message = run(&mut cpu, &model, &request).err().unwrap().to_string();
        assert!(message.contains("circuit"), "{message}");
    }
}

#[test]
fn predictions_agree_with_the_logits() {
    for case in cases() {
        for mode in MODES {
            let edits = Edits { mode, ..Edits::default() };
            let logits = case.expected(&edits).logits.pop().unwrap();
            let mut cpu = Cpu::new();
            let model = case.weights.upload(&mut cpu);
            for logits_at in [LogitsAt::Last, LogitsAt::Every] {
                let plain = Request::new(&case.a, &edits, &case.means);
                let request = Request { circuit: Some(&case.circuit), logits_at, ..plain };
                let (prediction, _) = now_or_never(predict(&mut cpu, &model, &request, [3, 5])).unwrap();

                let d = logits[3] - logits[5];
                let z = if mode == Mode::Circuit { 1.5 * d / 2.0 - 0.25 } else { d };
                let first = 1.0 / (1.0 + (-z).exp());
                assert!(
                    (prediction.p[0] - first).abs() < 1e-4 && (prediction.p[1] - (1.0 - first)).abs() < 1e-4,
                    "{}",
                    case.name
                );

                let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
                let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
                ids.sort_by(|&x, &y| logits[y as usize].total_cmp(&logits[x as usize]));
                assert_eq!(prediction.top.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids[..5], "{}", case.name);
                for &(id, p) in &prediction.top {
                    assert!((p - logits[id as usize].exp() / sum).abs() < 1e-4);
                }
                for (id, p) in [3, 5].into_iter().zip(prediction.p_full) {
                    assert!((p - logits[id].exp() / sum).abs() < 1e-4);
                }
            }
        }
    }
}

#[test]
fn edits_with_non_finite_results_are_rejected() {
    let case = cases().swap_remove(0);
    let mut cpu = Cpu::new();
    let model = case.weights.upload(&mut cpu);
    // Their sum in the stream is infinite.
    let set = ["1.attn.resid_delta.1", "1.mlp.resid_delta.1"].map(|node| (node.parse().unwrap(), f32::MAX));
    let edits = Edits { set: set.into(), ..Edits::default() };
    let request = Request::new(&case.a, &edits, &case.means);
    let message = now_or_never(predict(&mut cpu, &model, &request, [3, 5])).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("non-finite"), "{message}");
}
