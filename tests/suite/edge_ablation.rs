//! Switching edges off, compared with the reference model, which computes each target by itself.

use crate::edits::{Case, MODES, all_nodes, cases, some};
use crate::reference::random::Random;
use sparse_circuits::circuit::{EdgeId, Edits, Mode, Request, Target, Values, run};
use sparse_circuits::model::{Config, Hook, Node, Site};
use std::collections::{BTreeMap, BTreeSet};

/// Every edge that a model of this shape can have.
pub fn all_edges(config: &Config) -> Vec<EdgeId> {
    let nodes = all_nodes(config);
    let targets: Vec<Target> = nodes.iter().map(|&node| Target::Node(node)).chain([0, 1].map(Target::Logit)).collect();
    let edges = nodes.iter().flat_map(|&from| targets.iter().map(move |&to| EdgeId { from, to }));
    edges.filter(|edge| edge.check(config).is_ok()).collect()
}

fn choose(random: &mut Random, edges: &[EdgeId], count: usize) -> BTreeSet<EdgeId> {
    (0..count.min(edges.len())).map(|_| edges[random.below(edges.len())]).collect()
}

fn site(node: Node) -> Site {
    match node.hook {
        Hook::At { site, .. } => site,
        Hook::FinalResid => panic!("no node of a circuit"),
    }
}

/// What an edge is: its two sites; `None` for a logit.
fn kind(edge: EdgeId) -> (Site, Option<Site>) {
    let to = match edge.to {
        Target::Node(node) => Some(site(node)),
        Target::Logit(_) => None,
    };
    (site(edge.from), to)
}

fn off(edges: impl IntoIterator<Item = EdgeId>) -> Edits {
    Edits { off_edges: edges.into_iter().collect(), ..Edits::default() }
}

/// Each kind of edge alone, all kinds at once, and all kinds with edited sources.
fn edits_of(case: &Case, random: &mut Random, mode: Mode) -> Vec<(String, Edits)> {
    let all = all_edges(case.config());
    let mut kinds: BTreeMap<(Site, Option<Site>), Vec<EdgeId>> = BTreeMap::new();
    for &edge in &all {
        kinds.entry(kind(edge)).or_default().push(edge);
    }
    assert_eq!(kinds.len(), if case.config().n_layer > 1 { 12 } else { 9 }, "{:?}", kinds.keys());
    let mut edits: Vec<(String, Edits)> = kinds
        .iter()
        .map(|(kind, edges)| (format!("{kind:?}"), Edits { mode, ..off(choose(random, edges, 5)) }))
        .collect();
    let mixed: BTreeSet<EdgeId> = kinds.values().flat_map(|edges| choose(random, edges, 4)).collect();
    edits.push(("all kinds".into(), Edits { mode, ..off(mixed.clone()) }));
    let sources: Vec<Node> = mixed.iter().map(|edge| edge.from).collect();
    let part = |remainder: usize| sources.iter().copied().enumerate().filter(move |(i, _)| i % 4 == remainder);
    let also = some(random, case.config(), &Hook::all(case.config().n_layer), 4);
    edits.push((
        "all kinds, edited sources".into(),
        Edits {
            mode,
            set: part(0)
                .map(|(i, node)| (node, i as f32 / 4.0 - 2.0))
                .chain(also.iter().map(|&node| (node, 0.7)))
                .collect(),
            scale: part(1).map(|(_, node)| (node, -1.5)).collect(),
            patch: part(2).map(|(_, node)| node).collect(),
            flip: true,
            off: part(3).take(2).map(|(_, node)| node).collect(),
            off_edges: mixed,
        },
    ));
    edits
}

#[test]
fn edges_that_are_off_agree_with_the_reference_in_every_mode() {
    for case in cases() {
        let random = &mut Random::new(31);
        for mode in MODES {
            for (what, edits) in edits_of(&case, random, mode) {
                case.compare(&format!("{mode:?}, {what}"), &case.run(&edits), &case.expected(&edits));
            }
        }
    }
}

#[cfg(feature = "webgpu")]
#[test]
fn edges_that_are_off_agree_with_the_reference_on_the_gpu() {
    use sparse_circuits::backend::gpu::Gpu;
    let Some(mut gpu) = Gpu::for_tests() else { return };
    for case in cases() {
        let random = &mut Random::new(32);
        let edits = edits_of(&case, random, Mode::Full).split_off(9);
        for (what, edits) in edits {
            let got = sparse_circuits::circuit::block_on(case.run_on(&mut gpu, &edits, Some(&case.b))).unwrap();
            case.compare(&what, &got, &case.expected(&edits));
        }
    }
}

/// The largest difference of the logits.
fn difference(a: &Values, b: &Values) -> f32 {
    a.logits.data().iter().zip(b.logits.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn all_edges_out_of_a_node_off_equals_the_node_off() {
    for mut case in cases() {
        let edges = all_edges(case.config());
        let random = &mut Random::new(33);
        // what AbsTopK selects depends on nodes outside the circuit too
        let small = case.circuit.nodes.clone();
        let circuits = [Some(all_nodes(case.config())), Some(small).filter(|_| case.config().afrac.is_none())];
        let mut compared = 0;
        for nodes in circuits.into_iter().flatten() {
            case.circuit.nodes = nodes;
            let plain = case.run(&Edits { mode: Mode::Circuit, ..Edits::default() });
            let candidates: Vec<Node> = case.circuit.nodes.iter().copied().collect();
            for _ in 0..30 {
                let node = candidates[random.below(candidates.len())];
                if !matches!(site(node), Site::AttnActIn | Site::AttnV | Site::MlpActIn | Site::MlpPostAct) {
                    continue;
                }
                let inside = |edge: &&EdgeId| matches!(edge.to, Target::Node(to) if case.circuit.nodes.contains(&to));
                let out: Vec<EdgeId> = edges.iter().filter(|edge| edge.from == node).filter(inside).copied().collect();
                let by_edges = case.run(&Edits { mode: Mode::Circuit, ..off(out) });
                let by_node = case.run(&Edits { mode: Mode::Circuit, off: [node].into(), ..Edits::default() });
                let apart = difference(&by_edges, &by_node);
                assert!(apart <= 1e-5, "{}, {node}: {apart}", case.name);
                compared += usize::from(difference(&plain, &by_node) > 1e-3);
            }
        }
        assert!(compared >= 3, "{}: {compared} nodes change anything", case.name);
    }
}

#[test]
fn an_edge_without_a_weight_or_from_a_node_at_its_mean_changes_nothing() {
    for case in cases() {
        let zero: Vec<EdgeId> = zero_weights(&case);
        assert!(zero.len() > 100, "{}", case.name);
        for mode in MODES {
            let plain = Edits { mode, ..Edits::default() };
            assert_eq!(case.run(&Edits { mode, ..off(zero.clone()) }).logits, case.run(&plain).logits, "{}", case.name);
        }
        // every source outside the circuit
        let held = all_edges(case.config()).into_iter().filter(|edge| !case.circuit.nodes.contains(&edge.from));
        let held: Vec<EdgeId> = held.step_by(7).collect();
        let plain = case.run(&Edits { mode: Mode::Circuit, ..Edits::default() });
        assert_eq!(case.run(&Edits { mode: Mode::Circuit, ..off(held.clone()) }).values, plain.values, "{}", case.name);
        assert_ne!(case.run(&off(held)).values, case.run(&Edits::default()).values, "{}", case.name);
    }
}

/// The edges of a layer whose weight is 0.
fn zero_weights(case: &Case) -> Vec<EdgeId> {
    let zero = |edge: &EdgeId| {
        let (Hook::At { layer, .. }, Target::Node(to)) = (edge.from.hook, edge.to) else { return false };
        let block = &case.weights.blocks[layer];
        let linear = match kind(*edge) {
            (_, Some(Site::AttnQ)) => &block.q,
            (_, Some(Site::AttnK)) => &block.k,
            (_, Some(Site::AttnV)) => &block.v,
            (Site::AttnV, Some(Site::AttnResidDelta)) => &block.attn_c_proj,
            (_, Some(Site::MlpPostAct)) => &block.c_fc,
            (Site::MlpPostAct, Some(Site::MlpResidDelta)) => &block.mlp_c_proj,
            _ => return false,
        };
        linear.weight.get(to.index, edge.from.index) == 0.0
    };
    all_edges(case.config()).into_iter().filter(zero).collect()
}

#[test]
fn order_and_repetition_of_edges_do_not_matter() {
    let case = cases().swap_remove(0);
    let some = choose(&mut Random::new(34), &all_edges(case.config()), 12);
    let names: Vec<String> = some.iter().map(EdgeId::to_string).collect();
    let read =
        |names: Vec<&String>| -> Edits { serde_json::from_value(serde_json::json!({ "offEdges": names })).unwrap() };
    let once = read(names.iter().collect());
    assert_eq!(once, off(some));
    assert_eq!(read(names.iter().rev().chain(&names).collect()), once);
    assert_ne!(case.run(&once).logits, case.run(&Edits::default()).logits);
}

#[test]
fn other_edges_are_refused_with_a_sentence() {
    let mut case = cases().swap_remove(0);
    let refused = |case: &Case, edge: &str, part: &str| {
        let message = match edge.parse::<EdgeId>() {
            Ok(edge) => case.try_run(&off([edge]), None).err().unwrap_or_else(|| panic!("{edge} was taken")),
            Err(error) => error,
        };
        assert!(message.to_string().contains(part), "{message}");
    };
    for (edge, part) in [
        ("embedding:0.attn.act_in.3", "the embedding has no mean"),
        ("0.attn.q.1", "is not an edge"),
        ("", "is not an edge"),
        ("0.attn.q.1:", "is not a node"),
        (":0.attn.q.1", "is not a node"),
        ("0.attn.act_in.1:0.attn.q.1:0.attn.q.1", "is not a node"),
        ("0.attn.act_in.1:logit.2", "is not a node"),
        ("0.attn.q.1:0.attn.v.1", "multiplied"),
        ("0.attn.k.1:0.attn.resid_delta.1", "multiplied"),
        ("0.attn.act_in.1:0.mlp.post_act.1", "no weight"),
        ("0.attn.act_in.1:1.attn.q.1", "no weight"),
        ("0.attn.y.1:0.attn.resid_delta.1", "no weight"),
        ("0.mlp.post_act.1:logit.0", "writes to the residual stream"),
        ("0.attn.resid_delta.1:0.mlp.act_in.2", "its own channel"),
        ("1.attn.resid_delta.1:0.mlp.act_in.1", "before the write"),
        ("0.mlp.resid_delta.1:0.mlp.act_in.1", "before the write"),
        ("final_resid.1:logit.0", "does not start at a node"),
        ("0.attn.act_in.1:9.attn.q.1", "only 2 layers"),
        ("0.attn.act_in.99:0.attn.q.1", "only"),
    ] {
        refused(&case, edge, part);
    }
    case.means.clear();
    refused(&case, "0.attn.act_in.1:0.attn.q.1", "sparse-circuits means");

    let case = cases().swap_remove(0);
    let edits = off(["0.attn.resid_delta.1:logit.0".parse().unwrap()]);
    let mut cpu = sparse_circuits::backend::cpu::Cpu::new();
    let model = case.weights.upload(&mut cpu);
    let without = Request::new(&case.a, &edits, &case.means);
    let message = run(&mut cpu, &model, &without).err().expect("there are no candidates").to_string();
    assert!(message.contains("candidates"), "{message}");
    assert!(run(&mut cpu, &model, &Request { candidates: Some([1, 2]), ..without }).is_ok());
}
