//! Circuit files: valid files round-trip, and invalid files are rejected.

use crate::format_support::{oracle, read, text};
use proptest::prelude::*;
use serde_json::{Value, json};
use sparse_circuits::circuit::{Behaviour, Calibration, Circuit, Label, Level, Moment, Nested, NodeContrast, Scores};
use sparse_circuits::format::{CircuitFile, checkpoint, circuit_file, model_file};
use sparse_circuits::model::{Hook, Node, Site, Weights};

fn example() -> CircuitFile {
    let node = |text: &str| text.parse::<Node>().unwrap();
    CircuitFile {
        model: model_file::fingerprint(&weights()),
        circuit: Circuit {
            task: "single_double_quote".into(),
            candidate_ids: [5, 9],
            nodes: ["0.attn.act_in.3", "0.attn.v.17", "1.mlp.post_act.100"].map(node).into(),
            flip_nodes: [node("0.attn.v.17")].into(),
            calibration: Calibration { scale: 1.25, shift: -0.1, std: 3.7 },
            labels: [(node("1.mlp.post_act.100"), Label::Name { text: "quote detector".into() })].into(),
            scores: Some(Scores { loss: 0.1, accuracy: 0.97, ..Scores::default() }),
            nested: [
                (0, "1.mlp.post_act.100", 0.69),
                (0, "0.attn.v.17", 0.5),
                (1, "0.attn.act_in.3", 0.2),
                (2, "0.attn.q.1", 0.1),
            ]
            .map(|(edges, adds, loss)| Nested {
                adds: node(adds),
                edges,
                loss,
                calibration: Calibration { scale: 1.0, shift: loss as f32, std: 2.0 },
            })
            .into(),
        },
        provenance: json!({"seed": 3}),
    }
}

fn weights() -> Weights {
    let folder = oracle("p02_rms_sink_bigram_full");
    checkpoint::import(&text(&folder.join("beeg_config.json")), &read(&folder.join("final_model.pt"))).unwrap().weights
}

#[test]
fn a_circuit_round_trips_and_belongs_to_its_model() {
    let bytes = circuit_file::write(&example()).unwrap();
    let back = circuit_file::read(&bytes).unwrap();
    assert_eq!(back, example());
    back.check(&weights()).unwrap();
    let mut other = weights();
    other.blocks[0].q.bias.as_mut().unwrap()[0] += 0.5;
    let error = back.check(&other).unwrap_err().to_string();
    assert!(error.contains(&back.model) && error.contains(&model_file::fingerprint(&other)), "{error}");
    let mut too_far = example();
    too_far.circuit.nodes.insert("1.mlp.post_act.192".parse().unwrap());
    assert!(too_far.check(&weights()).unwrap_err().to_string().contains("1.mlp.post_act.192"));
}

#[test]
fn a_nested_circuit_has_its_own_nodes_and_calibration() {
    let circuit = example().circuit;
    let two = circuit.of_size(2).unwrap();
    let node = |text: &str| text.parse::<Node>().unwrap();
    assert_eq!(two.nodes, ["0.attn.v.17", "1.mlp.post_act.100"].map(node).into());
    assert_eq!((two.calibration.shift, two.scores), (0.5, None));
    assert_eq!((two.flip_nodes, two.labels), (circuit.flip_nodes.clone(), circuit.labels.clone()));
    let one = circuit.of_size(1).unwrap();
    assert!(one.flip_nodes.is_empty(), "{one:?}");
    let four = circuit.of_size(4).unwrap();
    assert_eq!(four.nodes, circuit.nodes.iter().copied().chain([node("0.attn.q.1")]).collect());
    for size in [0, 5, usize::MAX] {
        let error = circuit.of_size(size).unwrap_err().to_string();
        assert!(error.contains("1 to 4") && error.contains(&size.to_string()), "{error}");
    }
    let none = Circuit { nested: Vec::new(), ..circuit };
    assert!(none.of_size(1).unwrap_err().to_string().contains("prune"));
}

/// Files of earlier versions hold text. Text that begins with the kind of a node was measured, other text is a name.
#[test]
fn labels_of_earlier_files_are_read() {
    let mut file: Value = serde_json::from_slice(&circuit_file::write(&example()).unwrap()).unwrap();
    file["circuit"]["labels"] =
        json!({"0.attn.v.17": "value: high at if", "1.mlp.post_act.100": "quote detector: double"});
    let labels = circuit_file::read(file.to_string().as_bytes()).unwrap().circuit.labels;
    let label = |node: &str| labels[&node.parse::<Node>().unwrap()].clone();
    assert_eq!(label("0.attn.v.17"), Label::Words { text: "high at if".into() });
    assert_eq!(label("1.mlp.post_act.100"), Label::Name { text: "quote detector: double".into() });
}

#[test]
fn wrong_files_are_rejected() {
    let good: Value = serde_json::from_slice(&circuit_file::write(&example()).unwrap()).unwrap();
    circuit_file::read(good.to_string().as_bytes()).unwrap();
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        circuit_file::read(value.to_string().as_bytes()).unwrap_err().to_string()
    };
    assert!(refused(&|v| v["format_version"] = json!(2)).contains("version 2"));
    assert!(refused(&|v| drop(v.as_object_mut().unwrap().shift_remove("format_version"))).contains("format_version"));
    assert!(refused(&|v| v["surprise"] = json!(1)).contains("surprise"));
    assert!(refused(&|v| v["circuit"]["surprise"] = json!(1)).contains("surprise"));
    assert!(refused(&|v| v["circuit"]["calibration"]["surprise"] = json!(1)).contains("surprise"));
    assert!(refused(&|v| drop(v["circuit"].as_object_mut().unwrap().shift_remove("nodes"))).contains("nodes"));
    assert!(refused(&|v| v["circuit"]["nodes"][0] = json!("0.attn.nowhere.3")).contains("0.attn.nowhere.3"));
    assert!(refused(&|v| v["circuit"]["nodes"][0] = json!("0.attn.act_in.03")).contains("0.attn.act_in.03"));
    assert!(refused(&|v| v["circuit"]["flip_nodes"][0] = json!(4)).contains("circuit file"));
    assert!(refused(&|v| v["circuit"]["labels"] = json!({"x": "y"})).contains("not a node"));
    assert!(refused(&|v| v["circuit"]["labels"]["0.attn.v.17"] = json!("x".repeat(201))).contains("201"));
    assert!(refused(&|v| v["circuit"]["nested"][0]["surprise"] = json!(1)).contains("surprise"));
    assert!(refused(&|v| v["circuit"]["nested"][3]["adds"] = json!("0.attn.v.17")).contains("0.attn.v.17 twice"));
    assert!(refused(&|v| v["circuit"]["nested"][0]["adds"] = json!("0.attn.q.9")).contains("own 3 nodes"));
    assert!(refused(&|v| v["circuit"]["nested"] = json!([v["circuit"]["nested"][0]])).contains("own 3 nodes"));
    assert!(refused(&|v| v["circuit"]["nested"][1]["loss"] = json!(-0.5)).contains("-0.5"));
    assert!(refused(&|v| v["circuit"]["nested"][1]["calibration"]["deviation"] = json!(0)).contains("deviation = 0"));
    let measured = json!({"kind": "measured", "contrast": {"kind": "answer", "text": "x".repeat(201)}});
    assert!(refused(&|v| v["circuit"]["labels"]["0.attn.v.17"] = measured.clone()).contains("201"));
    refused(&|v| v["circuit"]["labels"]["0.attn.v.17"] = json!({"kind": "song"}));
    assert!(refused(&|v| v["circuit"]["task"] = json!("../../etc")).contains("task"));
    assert!(refused(&|v| v["circuit"]["task"] = json!("")).contains("task"));
    for (field, number) in [("scale", 0.0), ("scale", -1.0), ("scale", 1e300), ("shift", -1e60), ("deviation", 0.0)] {
        let error = refused(&|v| v["circuit"]["calibration"][field] = json!(number));
        // the JSON reader itself may reject a number that is too large, without naming the field
        assert!(error.contains(field) || error.contains("out of range"), "{field} = {number}: {error}");
    }
    for (field, number) in [("accuracy", 1.5), ("flip_rate_full", -0.1), ("loss", -1.0)] {
        refused(&|v| v["circuit"]["scores"][field] = json!(number));
    }
    // JSON cannot express non-finite numbers. Similar texts are not valid JSON or out of range.
    for number in ["NaN", "Infinity", "1e999"] {
        let text = good.to_string().replace("-0.1", number);
        assert!(text.contains(number) && circuit_file::read(text.as_bytes()).is_err(), "{number}");
    }
    for text in ["", "{", "[]", "null", "{}", "\u{feff}{}"] {
        assert!(circuit_file::read(text.as_bytes()).is_err(), "{text}");
    }
    assert!(circuit_file::read(&[0xff; 40]).is_err());
    assert!(circuit_file::read("[".repeat(1 << 20).as_bytes()).is_err(), "deep nesting");
    assert!(circuit_file::read(&vec![b' '; (16 << 20) + 1]).unwrap_err().to_string().contains("bytes"));
    // The same for writing.
    let mut unwritable = example();
    unwritable.circuit.calibration.shift = f32::NAN;
    assert!(circuit_file::write(&unwritable).is_err());
}

fn any_node() -> impl Strategy<Value = Node> {
    (0usize..99, 0usize..8, 0usize..9999)
        .prop_map(|(layer, site, index)| Node::new(Hook::at(layer, Site::NODES[site]), index))
}

fn any_label() -> impl Strategy<Value = Label> {
    let token = || ".{0,30}";
    let moment = prop_oneof![
        prop::collection::vec(token(), 1..3).prop_map(|tokens| Moment::At { level: Level::High, tokens }),
        token().prop_map(|token| Moment::From { level: Level::Low, token }),
        (token(), token()).prop_map(|(higher, lower)| Moment::Leans { higher: Some(higher), lower: Some(lower) }),
    ];
    let contrast = prop_oneof![
        (token(), token()).prop_map(|(higher, lower)| NodeContrast::Tokens { higher, lower }),
        token().prop_map(|text| NodeContrast::Answer { text }),
    ];
    let behaviour = (prop::option::of(-1e6..1e6f64), prop::option::of(moment), prop::option::of(contrast));
    prop_oneof![
        token().prop_map(|text| Label::Name { text }),
        token().prop_map(|text| Label::Words { text }),
        behaviour.prop_map(|(steady, moment, contrast)| Label::Measured(Behaviour { steady, moment, contrast })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_circuit_round_trips(
        nodes in prop::collection::btree_set(any_node(), 0..40),
        labels in prop::collection::btree_map(any_node(), any_label(), 0..5),
        (scale, shift, std) in (1e-20f32..1e20, any::<f32>().prop_filter("finite", |x| x.is_finite()), 1e-20f32..1e20),
        accuracy in 0.0f64..=1.0, loss in 0.0f64..1e6,
        ids: [u32; 2],
    ) {
        let mut file = example();
        file.circuit.flip_nodes = nodes.iter().copied().take(3).collect();
        file.circuit.nested = (1..)
            .zip(&nodes)
            .map(|(edges, &adds)| Nested { adds, edges, loss, calibration: Calibration { scale, shift, std } })
            .collect();
        (file.circuit.nodes, file.circuit.labels, file.circuit.candidate_ids) = (nodes, labels, ids);
        file.circuit.calibration = Calibration { scale, shift, std };
        file.circuit.scores = Some(Scores { accuracy, loss, ..Scores::default() });
        let bytes = circuit_file::write(&file).unwrap();
        prop_assert_eq!(circuit_file::read(&bytes).unwrap(), file);
    }
}
