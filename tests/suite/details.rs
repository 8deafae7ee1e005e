//! The node details of the page: the terms must sum to the engine's value, for every kind of node
//! and model.

use crate::edge_ablation::all_edges;
use crate::reference::random::{self, Random};
use sparse_circuits::Result;
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{Activation, now_or_never};
use sparse_circuits::circuit::explain::{
    FlipControlRequest, References, Subject, TermSource, ValueNote, View, ViewRequest, circuit_info, flip_control,
    inactive_nodes, view,
};
use sparse_circuits::circuit::{
    Calibration, Circuit, EdgeId, Edits, Means, Mode, NodeDetail, Prediction, Request, Target, predict,
};
use sparse_circuits::model::{Config, Hook, LogitsAt, Node, Role, Site, Tensor, Weights};
use std::collections::{BTreeMap, BTreeSet};

struct Case {
    name: &'static str,
    weights: Weights,
    means: Means,
    circuit: Circuit,
    tokens: Vec<u32>,
    edits: Edits,
}

/// Every family of models, without and with edits of nodes, and with edges off. The circuit has every node, so that every term is
/// listed.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (i, (name, config)) in random::configs().into_iter().enumerate() {
        for edited in ["nothing", "nodes", "edges"] {
            let random = &mut Random::new(50 + i as u64);
            let hooks = Hook::node_hooks(config.n_layer);
            let mut some = |count: usize| -> BTreeSet<Node> {
                let hooks = (0..count).map(|_| hooks[random.below(hooks.len())]).collect::<Vec<_>>();
                hooks.into_iter().map(|hook| Node::new(hook, random.below(hook.width(&config)))).collect()
            };
            let edits = match edited {
                "nodes" => Edits {
                    mode: Mode::Circuit,
                    set: some(6).into_iter().map(|node| (node, 1.5)).collect(),
                    off: some(6),
                    ..Edits::default()
                },
                "edges" => {
                    let set = some(6).into_iter().map(|node| (node, 1.5)).collect();
                    let all = all_edges(&config);
                    let off_edges = (0..all.len() / 8).map(|_| all[random.below(all.len())]).collect();
                    Edits { set, off_edges, ..Edits::default() }
                }
                _ => Edits::default(),
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
        nested: Vec::new(),
    }
}

impl Case {
    fn config(&self) -> &Config {
        &self.weights.config
    }

    fn request(&self) -> ViewRequest {
        ViewRequest {
            task: "test".into(),
            a: self.tokens.clone(),
            b: None,
            edits: self.edits.clone(),
            target: None,
            token: None,
            head: None,
        }
    }

    fn answer(&self, request: &ViewRequest, references: &mut References) -> Result<View> {
        let mut cpu = Cpu::new();
        let model = self.weights.upload(&mut cpu);
        let subject = Subject { model: &model, weights: &self.weights, means: &self.means, circuit: &self.circuit };
        now_or_never(view(&mut cpu, subject, request, references))
    }

    fn try_view(&self, b: Option<&[u32]>, node: Option<Node>, token: Option<usize>) -> Result<View> {
        let b = b.map(<[u32]>::to_vec);
        let request = ViewRequest { b, target: node.map(Target::Node), token, ..self.request() };
        self.answer(&request, &mut References::default())
    }

    /// What [`predict`] says by itself, of the case's prompt.
    fn predicted(&self, edits: &Edits) -> Prediction {
        let mut cpu = Cpu::new();
        let model = self.weights.upload(&mut cpu);
        let request = Request {
            tokens: &self.tokens,
            source: None,
            edits,
            circuit: Some(&self.circuit),
            candidates: None,
            means: &self.means,
            logits_at: LogitsAt::Last,
            hooks: &BTreeSet::new(),
            computed: &BTreeSet::new(),
        };
        now_or_never(predict(&mut cpu, &model, &request, self.circuit.candidate_ids)).unwrap().0
    }

    fn view(&self, node: Option<Node>, token: Option<usize>) -> View {
        self.try_view(None, node, token).unwrap_or_else(|error| panic!("{}: {error}", self.name))
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
fn terms_sum_to_the_engines_value() {
    for case in cases() {
        let mut kept = BTreeSet::new();
        for hook in Hook::all(case.config().n_layer) {
            for index in 0..hook.width(case.config()) {
                let token = (index * 5 + 3) % case.tokens.len();
                let node = Node::new(hook, index);
                let detail = case.detail(node, token);
                let what = format!("{}, {node} at token {token}, {:?}", case.name, detail.notes);

                let parts: f64 = detail.incoming.iter().map(|term| term.contribution).sum();
                assert_close(parts + f64::from(detail.bias), detail.sum, &what);
                for term in detail.incoming.iter().chain(&detail.outgoing) {
                    let factors = [term.weight, term.scale.unwrap_or(1.0), term.activation].map(f64::from);
                    assert_close(factors.iter().product(), term.contribution, &what);
                }
                let neuron = matches!(hook, Hook::At { site: Site::MlpPostAct, .. });
                check_notes(&case, node, &detail, neuron, &what);
                if detail.notes.iter().any(|note| matches!(note, ValueNote::Dropped { .. })) {
                    assert_eq!(detail.computed, 0.0, "{what}");
                    continue;
                }
                let value = if neuron { after(case.config().activation_type, detail.sum) } else { detail.sum };
                assert_close(f64::from(detail.computed), value, &what);
                if detail.computed != 0.0 {
                    kept.insert(hook);
                }
            }
        }
        // Every hook has nonzero values, so the test is not empty.
        assert_eq!(kept.len(), Hook::all(case.config().n_layer).len(), "{}", case.name);
    }
}

/// The notes name the activation of a neuron and the selection of its site, and nothing else.
fn check_notes(case: &Case, node: Node, detail: &NodeDetail, neuron: bool, what: &str) {
    let activations =
        detail.notes.iter().filter(|note| !matches!(note, ValueNote::Kept { .. } | ValueNote::Dropped { .. }));
    let wanted = match case.config().activation_type {
        _ if !neuron => None,
        Activation::Gelu => Some(ValueNote::Gelu),
        Activation::Relu if detail.sum > 0.0 => Some(ValueNote::Relu),
        Activation::Relu => Some(ValueNote::ReluZero),
    };
    assert_eq!(activations.copied().collect::<Vec<_>>(), wanted.into_iter().collect::<Vec<_>>(), "{what}");
    for note in &detail.notes {
        if let ValueNote::Kept { k } | ValueNote::Dropped { k } = *note {
            assert!(k > 0 && k < node.hook.width(case.config()), "{what}");
            assert_eq!(matches!(note, ValueNote::Kept { .. }), detail.computed != 0.0 || detail.sum == 0.0, "{what}");
        }
    }
}

#[test]
fn every_kind_of_note_and_term_occurs() {
    let (mut notes, mut sources) = (BTreeSet::new(), BTreeSet::new());
    let kind = |value: serde_json::Value| value["kind"].as_str().unwrap().to_string();
    for case in cases() {
        for hook in Hook::all(case.config().n_layer) {
            for index in 0..hook.width(case.config()) {
                let detail = case.detail(Node::new(hook, index), case.tokens.len() - 1);
                notes.extend(detail.notes.iter().map(|note| kind(serde_json::to_value(note).unwrap())));
                let terms = detail.incoming.iter().chain(&detail.outgoing);
                sources.extend(terms.map(|term| kind(serde_json::to_value(term.source).unwrap())));
            }
        }
    }
    assert_eq!(Vec::from_iter(notes), ["dropped", "gelu", "kept", "relu", "reluZero"]);
    // another test covers `others`: here the circuit has every node
    assert_eq!(Vec::from_iter(sources), ["embedding", "logit", "mean", "node", "position", "streamChange", "token"]);
}

#[test]
fn outgoing_and_incoming_terms_agree() {
    for case in cases() {
        let last = case.tokens.len() - 1;
        for hook in Hook::node_hooks(case.config().n_layer) {
            let node = Node::new(hook, hook.width(case.config()) / 2);
            let outgoing = case.detail(node, last).outgoing;
            for term in outgoing.iter().take(4) {
                let Some(target) = term.node() else { continue };
                let what = format!("{}, from {node} to {target}", case.name);
                let received: Vec<f64> = case
                    .detail(target, last)
                    .incoming
                    .iter()
                    .filter(|other| other.node() == Some(node))
                    .map(|other| other.contribution)
                    .collect();
                assert_eq!(received.len(), 1, "{what}");
                let given = match hook {
                    // A value reaches the last token from every token.
                    Hook::At { site: Site::AttnV, .. } => (0..=last)
                        .flat_map(|token| case.detail(node, token).outgoing)
                        .filter(|other| other.node() == Some(target))
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
fn terms_and_biases_sum_to_the_logits() {
    for case in cases().into_iter().filter(|case| case.config().rms_norm) {
        let last = case.tokens.len() - 1;
        let current = case.tokens[last] as usize;
        let logits = case.view(None, None).logits;
        let parts: Vec<NodeDetail> =
            (0..case.config().d_model).map(|channel| case.detail(Node::new(Hook::FinalResid, channel), last)).collect();
        for (candidate, id) in [3, 5].into_iter().enumerate() {
            let logit = TermSource::Logit { candidate };
            let terms = parts.iter().flat_map(|detail| &detail.outgoing).filter(|term| term.source == logit);
            let mut sum: f64 = terms.map(|term| term.contribution).sum();
            // a bias outside the blocks is one of the logits
            for (info, tensor) in case.weights.iter() {
                if let (Role::Bias, None, Tensor::Vector(bias)) = (info.role, info.layer, tensor) {
                    sum += f64::from(bias[id]);
                }
            }
            sum += case.weights.bigram_table.as_ref().map_or(0.0, |table| f64::from(table.get(current, id)));
            assert_close(sum, f64::from(logits[candidate]), case.name);
        }
    }
}

#[test]
fn the_terms_of_a_logit_sum_to_it() {
    let mut sources = BTreeSet::new();
    for mut case in cases() {
        let all = case.circuit.nodes.clone();
        for few in [false, true] {
            case.circuit.nodes = all.iter().copied().step_by(if few { 7 } else { 1 }).collect();
            for candidate in [0, 1] {
                let request = ViewRequest { target: Some(Target::Logit(candidate)), ..case.request() };
                let view = case.answer(&request, &mut References::default()).unwrap();
                let detail = view.detail.unwrap();
                let logit = f64::from(view.logits[candidate]);
                let parts: f64 = detail.incoming.iter().map(|term| term.contribution).sum();
                assert_close(parts + f64::from(detail.bias), logit, case.name);
                assert_close(detail.sum, logit, case.name);
                assert_eq!((detail.target, detail.value), (Target::Logit(candidate), view.logits[candidate]));
                // the drawn edges from the lanes to the logits have the same weights
                let info = circuit_info(&case.weights, &case.means, &case.circuit).unwrap();
                for term in detail.incoming.iter().filter(|term| term.node().is_some()) {
                    let node = term.node().unwrap();
                    let lane = info.lanes.iter().find(|lane| lane.channel == node.index);
                    assert!(lane.is_none_or(|lane| lane.to_logits[candidate] == term.weight), "{}: {node}", case.name);
                    let factors = [term.weight, term.scale.unwrap(), term.activation].map(f64::from);
                    assert_close(factors.iter().product(), term.contribution, case.name);
                }
                // circuit nodes come before the others
                let inside = |term: &&sparse_circuits::circuit::Term| {
                    term.node().is_none_or(|node| case.circuit.nodes.contains(&node))
                        && !matches!(term.source, TermSource::Others { .. })
                };
                let first = detail.incoming.iter().take_while(inside).count();
                assert_eq!(detail.incoming.iter().filter(inside).count(), first, "{}", case.name);
                let kind = |source| serde_json::to_value(source).unwrap()["kind"].as_str().unwrap().to_string();
                sources.extend(detail.incoming.iter().map(|term| kind(term.source)));
            }
        }
    }
    let wanted = ["bigram", "embedding", "mean", "node", "others", "position", "streamChange"];
    assert_eq!(Vec::from_iter(sources), wanted);
}

/// A term is marked as off where its edge is, at both ends, and has the mean of its source.
#[test]
fn terms_of_edges_that_are_off_have_the_mean_and_say_so() {
    let mut marked = 0;
    for case in cases() {
        let off = &case.edits.off_edges;
        let last = case.tokens.len() - 1;
        let mut seen = BTreeSet::new();
        for node in case.circuit.nodes.iter().copied().step_by(2) {
            let detail = case.detail(node, last);
            let incoming = detail.incoming.iter().filter_map(|term| Some((term.node()?, Target::Node(node), term)));
            let outgoing = detail.outgoing.iter().map(|term| match term.source {
                TermSource::Node { node: to } => (node, Target::Node(to), term),
                TermSource::Logit { candidate } => (node, Target::Logit(candidate), term),
                other => panic!("{other:?} is neither a node nor a logit"),
            });
            for (from, to, term) in incoming.chain(outgoing) {
                let edge = EdgeId { from, to };
                assert_eq!(term.off, off.contains(&edge), "{}: {edge}", case.name);
                if term.off {
                    let value = term.mixed.map_or(term.activation, |mixed| mixed.value);
                    assert_eq!(value, case.means[&from.hook][from.index], "{}: {edge}", case.name);
                    seen.insert(edge);
                }
            }
        }
        marked += seen.len();
        assert!(off.is_empty() || seen.len() > 10, "{}: {} of {}", case.name, seen.len(), off.len());
    }
    assert!(marked > 200, "{marked}");
}

#[test]
fn weights_of_terms_are_those_of_the_drawn_edges() {
    let mut compared = 0;
    for case in cases() {
        let last = case.tokens.len() - 1;
        let info = circuit_info(&case.weights, &case.means, &case.circuit).unwrap();
        for edge in info.edges.iter().step_by(5) {
            let incoming = case.detail(edge.to, last).incoming;
            let term = incoming.iter().find(|term| term.node() == Some(edge.from));
            let outgoing = case.detail(edge.from, last).outgoing;
            let back = outgoing.iter().find(|term| term.node() == Some(edge.to));
            for term in [term, back].into_iter().flatten() {
                assert_eq!(
                    (term.weight, term.scale),
                    (edge.weight, None),
                    "{}: {} to {}",
                    case.name,
                    edge.from,
                    edge.to
                );
                compared += 1;
            }
        }
        // what reads the stream has the weight 1 and the norm's factor
        let read = Node::new(Hook::at(case.config().n_layer - 1, Site::MlpActIn), 1);
        for term in case.detail(read, last).incoming.iter().filter(|term| term.node().is_some()) {
            assert!(term.weight == 1.0 && term.scale.is_some_and(|scale| scale > 0.0), "{}", case.name);
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn a_mixed_value_says_how_it_was_mixed() {
    for case in cases() {
        let last = case.tokens.len() - 1;
        let d_head = case.config().d_head;
        for (layer, index) in [(0, 1), (case.config().n_layer - 1, case.config().d_attn() - 1)] {
            let value = Node::new(Hook::at(layer, Site::AttnV), index);
            let pattern = case.detail(value, last).attention.unwrap().weights;
            let values = case.detail(value, last).values;
            let (mut given, mut received) = (0, 0);
            for token in 0..=last {
                for term in case.detail(value, token).outgoing {
                    let mixed = term.mixed.unwrap();
                    let value_of = |off, token: usize| if off { case.means[&value.hook][index] } else { values[token] };
                    let wanted = (token, value_of(term.off, token), pattern[token]);
                    assert_eq!((mixed.token, mixed.value, mixed.attention), wanted);
                    assert_eq!(mixed.value * mixed.attention, term.activation, "{}", case.name);
                    given += 1;
                    if token != last {
                        continue;
                    }
                    let target = case.detail(term.node().unwrap(), last);
                    let terms: Vec<_> = target.incoming.iter().filter(|one| one.node() == Some(value)).collect();
                    for one in terms {
                        let mixed = one.mixed.unwrap();
                        let most = pattern.iter().copied().fold(0.0, f32::max);
                        assert_close(f64::from(pattern[mixed.token]), f64::from(most), case.name);
                        let wanted = (value_of(one.off, mixed.token), pattern[mixed.token]);
                        assert_eq!((mixed.value, mixed.attention), wanted);
                        let product =
                            |(token, weight): (usize, &f32)| f64::from(value_of(one.off, token)) * f64::from(*weight);
                        let all: f64 = pattern.iter().enumerate().map(product).sum();
                        let edited = case.edits != Edits::default();
                        if !edited {
                            assert_close(f64::from(one.activation), all, case.name);
                        }
                        received += 1;
                    }
                }
            }
            assert!(given > 0 || values.iter().all(|value| *value == 0.0), "{}: {index} of {d_head}", case.name);
            assert!(received > 0 || values[last] == 0.0 || pattern[last] == 0.0, "{}", case.name);
        }
    }
}

#[test]
fn a_view_holds_the_runs_that_it_is_compared_with() {
    for mut case in cases() {
        case.circuit.nodes = case.circuit.nodes.iter().copied().step_by(3).collect();
        case.circuit.calibration = Calibration { scale: 1.5, shift: -0.25, std: 2.0 };
        let some: BTreeMap<Node, f32> = case.circuit.nodes.iter().copied().step_by(5).map(|node| (node, 0.5)).collect();
        let mut references = References::default();
        for mode in [Mode::Circuit, Mode::Full, Mode::Removed] {
            let plain = Edits { mode, ..Edits::default() };
            for edits in [plain.clone(), Edits { mode, set: some.clone(), ..Edits::default() }, plain.clone()] {
                let what = format!("{}, {mode:?}, {} set", case.name, edits.set.len());
                let request = ViewRequest { edits: edits.clone(), ..case.request() };
                let view = case.answer(&request, &mut references).unwrap();
                assert_eq!(view, case.answer(&request, &mut References::default()).unwrap(), "{what}: kept or fresh");

                let here = case.predicted(&edits);
                let [full, untouched] = [&Edits::default(), &plain].map(|edits| case.predicted(edits));
                assert_eq!((view.p, view.score, view.logits), (here.p, here.score, here.logits), "{what}");
                assert_eq!(view.full.p, full.p, "{what}");
                let d = f64::from(view.logits[0]) - f64::from(view.logits[1]);
                let score = if mode == Mode::Circuit { 1.5 * d / 2.0 - 0.25 } else { d };
                assert_close(view.score, score, &what);
                assert_close(view.p[0], 1.0 / (1.0 + (-score).exp()), &what);

                assert_eq!(view.untouched.is_some(), !edits.set.is_empty(), "{what}");
                if let Some(reference) = &view.untouched {
                    assert_eq!(reference.p, untouched.p, "{what}");
                    let request = ViewRequest { edits: plain.clone(), ..case.request() };
                    let plain = case.answer(&request, &mut References::default()).unwrap();
                    let at_read = |row: usize| plain.activations_of(row)[plain.read_at[row]];
                    let values: Vec<f32> = (0..plain.read_at.len()).map(at_read).collect();
                    assert_eq!(reference.values, values, "{what}");
                }
                let everything_off = Edits { mode, off: case.circuit.nodes.clone(), ..Edits::default() };
                let baseline = (mode == Mode::Circuit).then(|| case.predicted(&everything_off).p);
                assert_eq!(view.baseline, baseline, "{what}");

                let likeliest = if mode == Mode::Full { &here } else { &full };
                assert_eq!(view.p_full, likeliest.p_full, "{what}");
                let top: Vec<(u32, f64)> = view.top.iter().map(|token| (token.id, token.p)).collect();
                assert_eq!(top, likeliest.top, "{what}");
            }
        }
    }
}

#[test]
fn kept_runs_belong_to_one_task_and_prompt() {
    let mut case = cases().swap_remove(0);
    let mut references = References::default();
    let edits = Edits { mode: Mode::Circuit, off: case.circuit.nodes.clone(), ..Edits::default() };
    for round in 0..3 {
        let request = ViewRequest { edits: edits.clone(), task: format!("test {}", round / 2), ..case.request() };
        let view = case.answer(&request, &mut references).unwrap();
        assert_eq!(view, case.answer(&request, &mut References::default()).unwrap());
        case.tokens.rotate_left(1);
    }
}

#[test]
fn the_control_of_a_flip_takes_the_values_of_each_donor() {
    for mut case in cases() {
        case.circuit.flip_nodes = case.circuit.nodes.iter().copied().step_by(4).collect();
        let mut other = case.tokens.clone();
        other.rotate_left(3);
        for mode in [Mode::Circuit, Mode::Full] {
            let mut cpu = Cpu::new();
            let model = case.weights.upload(&mut cpu);
            let subject = Subject { model: &model, weights: &case.weights, means: &case.means, circuit: &case.circuit };
            let donors = vec![case.tokens.clone(), other[5..].to_vec()];
            let request = FlipControlRequest { task: "test".into(), a: case.tokens.clone(), donors, mode };
            let got = now_or_never(flip_control(&mut cpu, subject, &request)).unwrap().p;
            // its own values change nothing
            let plain = case.predicted(&Edits { mode, ..Edits::default() }).p;
            let edits = Edits { mode, flip: true, ..Edits::default() };
            let b = Some(request.donors[1].clone());
            let flipped = ViewRequest { edits, b, ..case.request() };
            let flipped = case.answer(&flipped, &mut References::default()).unwrap().p;
            assert_eq!(got, [plain, flipped], "{}", case.name);
            assert_ne!(plain, flipped, "{}", case.name);
        }
    }
}

#[test]
fn the_pattern_of_a_head_has_a_row_for_each_query() {
    for case in cases() {
        let tokens = case.tokens.len();
        let heads = case.view(None, None);
        assert_eq!(heads.pattern, None);
        for layer in 0..case.config().n_layer {
            for head in 0..case.config().n_head {
                let request = ViewRequest { head: Some([layer, head]), ..case.request() };
                let view = case.answer(&request, &mut References::default()).unwrap();
                let pattern = view.pattern.unwrap();
                assert_eq!(pattern.len(), tokens * tokens);
                for (query, row) in pattern.chunks_exact(tokens).enumerate() {
                    assert!(row[query + 1..].iter().all(|weight| *weight == 0.0), "{}: looks ahead", case.name);
                    let sum: f32 = row.iter().sum();
                    assert!(if case.config().sink { sum < 1.0 } else { (sum - 1.0).abs() < 1e-5 }, "{}", case.name);
                }
                let row = heads.heads.iter().position(|one| (one.layer, one.head) == (layer, head)).unwrap();
                assert_eq!(&pattern[tokens * (tokens - 1)..], heads.attention_of(row), "{}", case.name);
            }
        }
        let none = ViewRequest { head: Some([0, case.config().n_head]), ..case.request() };
        assert!(case.answer(&none, &mut References::default()).is_err());
    }
}

#[test]
fn targets_survive_a_round_trip() {
    for text in ["logit.0", "logit.1", "1.attn.v.3"] {
        assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
    }
    for text in ["logit.2", "logit", "logit.00", "", "x"] {
        assert!(text.parse::<Target>().is_err(), "{text}");
    }
}

#[test]
fn terms_outside_the_circuit_are_bundled_and_still_sum() {
    let mut bundled = 0;
    for mut case in cases() {
        let all = case.circuit.nodes.clone();
        // In circuit mode all other nodes would be at their means. This test is about the lists, so
        // it uses the full model.
        case.edits = Edits::default();
        case.weights = random::weights(case.config(), 1.0, 4);
        for hook in [Hook::at(0, Site::MlpResidDelta), Hook::at(0, Site::AttnQ)] {
            for index in 0..hook.width(case.config()) {
                let node = Node::new(hook, index);
                case.circuit = circuit(all.clone());
                let whole = case.detail(node, 2);
                let inside: BTreeSet<Node> = whole.incoming.iter().filter_map(|term| term.node()).take(1).collect();
                case.circuit = circuit(inside.clone());
                let short = case.detail(node, 2);
                assert_close(short.sum, whole.sum, case.name);
                let parts: f64 = short.incoming.iter().map(|term| term.contribution).sum();
                assert_close(parts + f64::from(short.bias), short.sum, case.name);
                assert_eq!(
                    short.incoming.first().and_then(|term| term.node()),
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
                    assert_eq!(short.incoming.last().unwrap().source, TermSource::Others { count: outside - 10 });
                }
            }
        }
    }
    assert!(bundled > 0, "no model here has long sums");
}

#[test]
fn channel_scores_sum_to_the_attention_scores() {
    for case in cases() {
        let view = case.view(None, None);
        let heads = case.config().n_layer * case.config().n_head;
        assert_eq!(view.heads.len(), heads, "the circuit has nodes in every head");
        for (row, head) in view.heads.iter().enumerate() {
            let weights = view.attention_of(row);
            let sum: f32 = weights.iter().sum::<f32>() + head.sink;
            assert_close(f64::from(sum), 1.0, case.name);
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
                assert_close(f64::from(weights[0]) * ratio, f64::from(weights[token]), case.name);
            }
            assert_eq!(details[0].weights, weights);
            let value =
                case.detail(Node::new(Hook::at(head.layer, Site::AttnV), head.head * d_head), 1).attention.unwrap();
            assert_eq!((value.head, value.channel_score), (head.head, None));
        }
    }
}

#[test]
fn the_edges_of_a_circuit_are_its_nonzero_weights() {
    for case in cases() {
        let info = circuit_info(&case.weights, &case.means, &case.circuit).unwrap();
        assert_eq!(info.nodes.len(), case.circuit.nodes.len());
        // Every nonzero of the six maps is an edge when every node is in the circuit.
        let maps = case.weights.blocks.iter().flat_map(|b| [&b.q, &b.k, &b.v, &b.attn_c_proj, &b.c_fc, &b.mlp_c_proj]);
        assert_eq!(info.edges.len(), maps.map(|linear| linear.weight.nonzeros()).sum::<usize>(), "{}", case.name);
        assert_eq!(info.lanes.len(), case.config().d_model);
        let unembedding = case.weights.lm_head.as_ref().unwrap_or(&case.weights.wte);
        let gain = case.weights.ln_f.gain.as_ref().expect("every family has gains");
        for lane in &info.lanes {
            assert_eq!((lane.writes.len(), lane.reads.len()), (2 * case.config().n_layer, 2 * case.config().n_layer));
            let to_logits = [3, 5].map(|token| unembedding.get(token, lane.channel) * gain[lane.channel]);
            assert_eq!(lane.to_logits, to_logits, "{}, channel {}", case.name, lane.channel);
        }
        let view = case.view(None, None);
        let tokens = case.tokens.len();
        assert_eq!(view.tokens, tokens);
        assert_eq!(view.activations.len(), info.nodes.len() * tokens);
        assert_eq!(view.embedding.len(), info.lanes.len() * tokens);
        assert_eq!((view.read_at.len(), view.passed_on.len()), (info.nodes.len(), info.nodes.len()));
        if !case.config().positions || case.config().d_pos_emb.is_some() {
            let token = case.tokens[2] as usize;
            assert_eq!(view.embedding_of(1)[2], case.weights.wte.get(token, info.lanes[1].channel));
        }

        // A circuit of the two nodes of one weight has exactly that edge.
        let edge = info.edges[info.edges.len() / 2];
        let pair = circuit_info(&case.weights, &case.means, &circuit([edge.from, edge.to].into())).unwrap();
        assert_eq!(pair.edges, [edge]);
    }
}

#[test]
fn unknown_nodes_and_tokens_are_rejected() {
    let case = cases().swap_remove(0);
    let ask = |node: &str, token| {
        let node = node.parse().unwrap();
        case.try_view(None, Some(node), token).map(|_| ()).map_err(|error| error.to_string())
    };
    assert!(ask("0.attn.q.0", Some(17)).is_ok());
    assert!(ask("0.attn.q.0", Some(18)).unwrap_err().contains("18 tokens"));
    assert!(ask("7.attn.q.0", None).unwrap_err().contains("layers"));
    assert!(ask("0.attn.q.6", None).unwrap_err().contains("channels"));
}

/// Keys, values and the nodes that feed them are read at the token where the prompts differ, all
/// other nodes at the last token. If the request names a token, all nodes are read there.
#[test]
fn nodes_are_read_where_they_matter() {
    for mut case in cases() {
        let last = case.tokens.len() - 1;
        let mut b = case.tokens.clone();
        b[5] = (b[5] + 1) % case.config().vocab_size as u32;
        let value = Node::new(Hook::at(0, Site::AttnV), 0);
        let query = Node::new(Hook::at(0, Site::AttnQ), 0);
        let write = Node::new(Hook::at(case.config().n_layer - 1, Site::MlpResidDelta), 0);
        case.circuit = circuit([value, query, write].into());
        let read_at =
            |view: &View, node: Node| view.read_at[case.circuit.nodes.iter().position(|one| *one == node).unwrap()];
        let view = case.try_view(Some(&b), None, None).unwrap();
        assert_eq!(view.marked, 5);
        assert_eq!([value, query, write].map(|node| read_at(&view, node)), [5, last, last], "{}", case.name);
        let detail = case.try_view(Some(&b), Some(value), None).unwrap().detail.unwrap();
        assert_eq!(detail.token, 5, "a detail is of the token at which the graph reads the node");
        let picked = case.try_view(Some(&b), None, Some(3)).unwrap();
        assert_eq!((picked.marked, picked.read_at.clone()), (3, vec![3; 3]));
        // without a counterfactual nothing is marked
        assert_eq!(case.view(None, None).read_at, [last; 3]);

        // a value enters weighted by the attention of its head at the last token
        let row = case.circuit.nodes.iter().position(|one| *one == value).unwrap();
        let mixed: f64 = view
            .attention_of(0)
            .iter()
            .zip(view.activations_of(row))
            .map(|(weight, value)| f64::from(*weight) * f64::from(*value))
            .sum();
        assert_close(f64::from(view.passed_on[row].unwrap()), mixed, case.name);
        assert_eq!(picked.passed_on[row], None);
        let row = case.circuit.nodes.iter().position(|one| *one == query).unwrap();
        assert_eq!(view.passed_on[row], Some(view.activations_of(row)[last]));
    }
}

#[test]
fn inactive_nodes_are_near_zero_on_both_prompts_and_not_alone_in_their_hook() {
    let nodes: Vec<Node> = (0..20).map(|index| Node::new(Hook::at(0, Site::MlpPostAct), index)).collect();
    let alone = Node::new(Hook::at(0, Site::MlpActIn), 0);
    let mut example = circuit(nodes.iter().copied().chain([alone]).collect());
    example.flip_nodes = [nodes[1]].into();
    let case = cases().swap_remove(0);
    let silent = |active: &[usize]| {
        let mut view = case.view(None, None);
        view.tokens = 2;
        view.read_at = vec![1; 21];
        // large at the first token, near zero where it is read
        view.activations = [5.0, 0.01].repeat(21);
        for &node in active {
            view.activations[2 * (node + 1) + 1] = 1.0;
        }
        view
    };
    assert_eq!(example.nodes.first(), Some(&alone), "row 0");
    let inactive = inactive_nodes(&example, [&silent(&[2]), &silent(&[3])]);
    assert_eq!(inactive, nodes.iter().copied().filter(|node| ![1, 2, 3].contains(&node.index)).collect::<Vec<_>>());
    // a small circuit has no inactive nodes
    let few = circuit(nodes[..16].iter().copied().collect());
    assert!(inactive_nodes(&few, [&silent(&[]), &silent(&[])]).is_empty());
}
