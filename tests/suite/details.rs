//! What the page says about a node: the parts must sum to what the engine computed, for every kind of node and model.

use crate::reference::random::{self, Random};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{Activation, now_or_never};
use sparse_circuits::circuit::explain::inspect::{Ask, View, circuit_info, view};
use sparse_circuits::circuit::{Calibration, Circuit, Edits, Means, Mode, NodeDetail};
use sparse_circuits::model::{Config, Hook, Node, Site, Weights};
use std::collections::{BTreeMap, BTreeSet};

struct Case {
    name: &'static str,
    weights: Weights,
    means: Means,
    circuit: Circuit,
    tokens: Vec<u32>,
    edits: Edits,
}

/// Every family of models, whole and with edits; the circuit holds every node, so that every term is listed.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (i, (name, config)) in random::configs().into_iter().enumerate() {
        for edited in [false, true] {
            let random = &mut Random::new(50 + i as u64);
            let hooks = Hook::node_hooks(config.n_layer);
            let mut some = |count: usize| -> BTreeSet<Node> {
                let hooks = (0..count).map(|_| hooks[random.below(hooks.len())]).collect::<Vec<_>>();
                hooks.into_iter().map(|hook| Node::new(hook, random.below(hook.width(&config)))).collect()
            };
            let edits = if edited {
                Edits {
                    mode: Mode::Circuit,
                    set: some(6).into_iter().map(|node| (node, 1.5)).collect(),
                    off: some(6),
                    ..Edits::default()
                }
            } else {
                Edits::default()
            };
            let nodes =
                hooks.iter().flat_map(|&hook| (0..hook.width(&config)).map(move |index| Node::new(hook, index)));
            cases.push(Case {
                name,
                circuit: circuit(nodes.collect()),
                weights: random::weights(&config, 0.6, i as u64),
                means: Hook::all(config.n_layer)
                    .into_iter()
                    .map(|hook| (hook, random.vector(hook.width(&config), 0.0, 1.0)))
                    .collect(),
                tokens: random.tokens(18, config.vocab_size),
                edits,
            });
        }
    }
    cases
}

fn circuit(nodes: BTreeSet<Node>) -> Circuit {
    Circuit {
        task: "test".into(),
        candidate_ids: [3, 5],
        nodes,
        flip_nodes: BTreeSet::new(),
        calibration: Calibration::default(),
        labels: BTreeMap::new(),
        scores: None,
    }
}

impl Case {
    fn config(&self) -> &Config {
        &self.weights.config
    }

    fn view(&self, node: Option<Node>, token: Option<usize>) -> View {
        let mut cpu = Cpu::new();
        let model = self.weights.upload(&mut cpu);
        let ask = Ask {
            a: &self.tokens,
            b: None,
            edits: &self.edits,
            circuit: &self.circuit,
            means: &self.means,
            node,
            token,
            candidates: ["yes", "no"],
        };
        now_or_never(view(&mut cpu, &model, &self.weights, &ask))
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn detail(&self, node: Node, token: usize) -> NodeDetail {
        self.view(Some(node), Some(token)).detail.unwrap()
    }
}

fn assert_close(got: f64, want: f64, what: &str) {
    assert!((got - want).abs() <= 1e-4 * want.abs().max(1.0), "{what}: {got}, not {want}");
}

fn after(activation: Activation, x: f64) -> f64 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Gelu => 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())),
    }
}

#[test]
fn parts_sum_to_what_the_engine_computed() {
    for case in cases() {
        let mut kept = BTreeSet::new();
        for hook in Hook::all(case.config().n_layer) {
            for index in 0..hook.width(case.config()) {
                let token = (index * 5 + 3) % case.tokens.len();
                let node = Node::new(hook, index);
                let detail = case.detail(node, token);
                let what = format!("{}, {node} at token {token}, {}", case.name, detail.step);

                let parts: f64 = detail.incoming.iter().map(|term| term.contribution).sum();
                assert_close(parts + f64::from(detail.bias), detail.sum, &what);
                for term in detail.incoming.iter().chain(&detail.outgoing).filter(|term| term.node.is_some()) {
                    assert_close(f64::from(term.weight) * f64::from(term.activation), term.contribution, &what);
                }
                if detail.step.contains("not among") {
                    assert_eq!(detail.computed, 0.0, "{what}");
                    continue;
                }
                let neuron = matches!(hook, Hook::At { site: Site::MlpPostAct, .. });
                let value = if neuron { after(case.config().activation_type, detail.sum) } else { detail.sum };
                assert_close(f64::from(detail.computed), value, &what);
                if detail.computed != 0.0 {
                    kept.insert(hook);
                }
            }
        }
        // No hook escaped by being all zero.
        assert_eq!(kept.len(), Hook::all(case.config().n_layer).len(), "{}", case.name);
    }
}

#[test]
fn what_a_node_gives_is_what_the_other_receives() {
    for case in cases() {
        let last = case.tokens.len() - 1;
        for hook in Hook::node_hooks(case.config().n_layer) {
            let node = Node::new(hook, hook.width(case.config()) / 2);
            let outgoing = case.detail(node, last).outgoing;
            for term in outgoing.iter().take(4) {
                let Some(target) = term.node else { continue };
                let what = format!("{}, from {node} to {target}", case.name);
                let received: Vec<f64> = case
                    .detail(target, last)
                    .incoming
                    .iter()
                    .filter(|other| other.node == Some(node))
                    .map(|other| other.contribution)
                    .collect();
                assert_eq!(received.len(), 1, "{what}");
                let given = match hook {
                    // A value reaches the last token from every token.
                    Hook::At { site: Site::AttnV, .. } => (0..=last)
                        .flat_map(|token| case.detail(node, token).outgoing)
                        .filter(|other| other.node == Some(target))
                        .map(|other| other.contribution)
                        .sum(),
                    _ => term.contribution,
                };
                assert_close(given, received[0], &what);
            }
        }
    }
}

#[test]
fn the_streams_parts_and_the_biases_are_the_logits() {
    for case in cases().into_iter().filter(|case| case.config().rms_norm) {
        let last = case.tokens.len() - 1;
        let current = case.tokens[last] as usize;
        let logits = case.view(None, None).logits;
        let parts: Vec<NodeDetail> =
            (0..case.config().d_model).map(|channel| case.detail(Node::new(Hook::FinalResid, channel), last)).collect();
        for (candidate, (id, label)) in [(3, "logit of yes"), (5, "logit of no")].into_iter().enumerate() {
            let terms = parts.iter().flat_map(|detail| &detail.outgoing).filter(|term| term.label == label);
            let mut sum: f64 = terms.map(|term| term.contribution).sum();
            sum += case.weights.final_logits_bias.as_ref().map_or(0.0, |bias| f64::from(bias[id]));
            sum += case.weights.bigram_table.as_ref().map_or(0.0, |table| f64::from(table.get(current, id)));
            assert_close(sum, f64::from(logits[candidate]), case.name);
        }
    }
}

#[test]
fn terms_outside_the_circuit_are_bundled_and_still_sum() {
    let mut bundled = 0;
    for mut case in cases() {
        let all = case.circuit.nodes.clone();
        // In circuit mode everything outside would be at its mean: this test is about lists, so the whole model runs.
        case.edits = Edits::default();
        case.weights = random::weights(case.config(), 1.0, 4);
        for hook in [Hook::at(0, Site::MlpResidDelta), Hook::at(0, Site::AttnQ)] {
            for index in 0..hook.width(case.config()) {
                let node = Node::new(hook, index);
                case.circuit = circuit(all.clone());
                let whole = case.detail(node, 2);
                let inside: BTreeSet<Node> = whole.incoming.iter().filter_map(|term| term.node).take(1).collect();
                case.circuit = circuit(inside.clone());
                let short = case.detail(node, 2);
                assert_close(short.sum, whole.sum, case.name);
                let parts: f64 = short.incoming.iter().map(|term| term.contribution).sum();
                assert_close(parts + f64::from(short.bias), short.sum, case.name);
                assert_eq!(
                    short.incoming.first().and_then(|term| term.node),
                    inside.first().copied(),
                    "the circuit's nodes come first"
                );
                let outside = whole.incoming.len() - inside.len();
                assert_eq!(
                    short.incoming.len(),
                    inside.len() + outside.min(10) + usize::from(outside > 10),
                    "{}",
                    case.name
                );
                if outside > 10 {
                    bundled += 1;
                    assert_eq!(short.incoming.last().unwrap().label, format!("{} others", outside - 10));
                }
            }
        }
    }
    assert!(bundled > 0, "no model here has long sums");
}

#[test]
fn attention_and_its_parts_are_those_of_the_softmax() {
    for case in cases() {
        let view = case.view(None, None);
        let heads = case.config().n_layer * case.config().n_head;
        assert_eq!(view.attention.len(), heads, "the circuit has nodes in every head");
        for head in &view.attention {
            let sum: f32 = head.weights.iter().sum::<f32>() + head.sink;
            assert_close(f64::from(sum), 1.0, case.name);
            assert_eq!(head.weights.len(), case.tokens.len());
            assert_eq!(head.sink > 0.0, case.config().sink);

            // The channels' parts add up to the scores, whose softmax with the sink is the attention.
            let d_head = case.config().d_head;
            let channels =
                (0..d_head).map(|channel| Node::new(Hook::at(head.layer, Site::AttnK), head.head * d_head + channel));
            let details: Vec<_> = channels.map(|node| case.detail(node, 0).attention.unwrap()).collect();
            let scores: Vec<f64> = (0..case.tokens.len())
                .map(|token| {
                    details.iter().map(|detail| f64::from(detail.channel_score.as_ref().unwrap()[token])).sum()
                })
                .collect();
            for token in 1..case.tokens.len() {
                let ratio = (scores[token] - scores[0]).exp();
                assert_close(f64::from(head.weights[0]) * ratio, f64::from(head.weights[token]), case.name);
            }
            assert_eq!(details[0].weights, head.weights);
            let value =
                case.detail(Node::new(Hook::at(head.layer, Site::AttnV), head.head * d_head), 1).attention.unwrap();
            assert_eq!((value.head, value.channel_score), (head.head, None));
        }
    }
}

#[test]
fn a_circuit_is_drawn_with_its_weights() {
    for case in cases() {
        let info = circuit_info(&case.weights, &case.means, &case.circuit).unwrap();
        assert_eq!(info.nodes.len(), case.circuit.nodes.len());
        // Every nonzero of the six maps is an edge when every node is in the circuit.
        let maps = case.weights.blocks.iter().flat_map(|b| [&b.q, &b.k, &b.v, &b.attn_c_proj, &b.c_fc, &b.mlp_c_proj]);
        assert_eq!(info.edges.len(), maps.map(|linear| linear.weight.nonzeros()).sum::<usize>(), "{}", case.name);
        assert_eq!(info.lanes.len(), case.config().d_model);
        for lane in &info.lanes {
            assert_eq!((lane.writes.len(), lane.reads.len()), (2 * case.config().n_layer, 2 * case.config().n_layer));
        }
        let view = case.view(None, None);
        assert_eq!((view.activations.len(), view.embedding.len()), (info.nodes.len(), info.lanes.len()));
        assert!(view.activations.iter().chain(&view.embedding).all(|row| row.len() == case.tokens.len()));
        if !case.config().positions || case.config().d_pos_emb.is_some() {
            let token = case.tokens[2] as usize;
            assert_eq!(view.embedding[1][2], case.weights.wte.get(token, info.lanes[1].channel));
        }

        // A circuit of two ends of one weight has that one edge.
        let edge = info.edges[info.edges.len() / 2];
        let pair = circuit_info(&case.weights, &case.means, &circuit([edge.from, edge.to].into())).unwrap();
        assert_eq!(pair.edges, [edge]);
    }
}

#[test]
fn nodes_and_tokens_that_are_not_there_are_refused() {
    let case = cases().swap_remove(0);
    let mut cpu = Cpu::new();
    let model = case.weights.upload(&mut cpu);
    let mut ask = |node: &str, token| {
        let ask = Ask {
            a: &case.tokens,
            b: None,
            edits: &case.edits,
            circuit: &case.circuit,
            means: &case.means,
            node: Some(node.parse().unwrap()),
            token,
            candidates: ["yes", "no"],
        };
        now_or_never(view(&mut cpu, &model, &case.weights, &ask)).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(ask("0.attn.q.0", Some(17)).is_ok());
    assert!(ask("0.attn.q.0", Some(18)).unwrap_err().contains("18 tokens"));
    assert!(ask("7.attn.q.0", None).unwrap_err().contains("layers"));
    assert!(ask("0.attn.q.6", None).unwrap_err().contains("channels"));
}
