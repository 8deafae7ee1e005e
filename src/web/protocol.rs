//! Writes the types of the messages between engine and page to a checked-in TypeScript file. A test
//! fails when the file differs from the Rust structs. `UPDATE_TYPES=1 cargo test --lib protocol`
//! writes the file.

use crate::bridge::view::{HybridView, OtherChannel, TwinRequest, TwinView};
use crate::circuit::explain::graph::{Edge, ResidualLane};
use crate::circuit::explain::{
    ChannelAttention, CircuitInfo, FlipControl, FlipControlRequest, FlipRate, HandwrittenAccuracy, Head, Mixed,
    ModelInfo, NodeDetail, NodeInfo, Reference, Term, TermSource, TopToken, ValueNote, View, ViewRequest,
};
use crate::circuit::{Behaviour, EdgeId, Edits, Label, Level, Mode, Moment, NodeContrast, Target};
use crate::model::{Node, Site};
use crate::tasks::{Reason, Ruling};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use ts_rs::{Config, TS};

fn declaration<T: TS>(config: &Config) -> String {
    format!("{}export {}\n\n", T::docs().unwrap_or_default(), T::decl(config))
}

/// The content of `protocol.gen.ts`.
fn types() -> String {
    let config = &Config::new();
    let mut text = String::from(
        "// Written by `UPDATE_TYPES=1 cargo test --lib protocol` from the structs of the engine. Do not edit.\n\n",
    );
    let sites: Vec<String> = Site::NODES.iter().map(|site| format!("'{}'", site.name())).collect();
    writeln!(text, "/** The places in a layer where circuits have nodes, in the order of the forward pass. */")
        .unwrap();
    writeln!(text, "export const SITES = [{}] as const;\n", sites.join(", ")).unwrap();
    writeln!(text, "export type SiteName = (typeof SITES)[number];\n").unwrap();
    macro_rules! declare {
        ($($type:ty),* $(,)?) => { $(text += &declaration::<$type>(config);)* };
    }
    declare!(
        Node,
        Target,
        EdgeId,
        Mode,
        Edits,
        ViewRequest,
        View,
        Reference,
        TopToken,
        Head,
        NodeDetail,
        Term,
        Mixed,
        TermSource,
        ValueNote,
        ChannelAttention,
        FlipControlRequest,
        FlipControl,
        Ruling,
        Reason,
        ModelInfo,
        CircuitInfo,
        NodeInfo,
        Edge,
        ResidualLane,
        FlipRate,
        HandwrittenAccuracy,
        Label,
        Behaviour,
        Moment,
        Level,
        NodeContrast,
        TwinRequest,
        TwinView,
        OtherChannel,
        HybridView,
    );
    format!("{}\n", text.trim_end())
}

/// The content of `node-names.gen.json`: texts, each with the node that it names or null. It tests
/// the page's parser.
fn node_names() -> String {
    let texts = [
        "0.attn.act_in.0",
        "1.attn.q.17",
        "2.attn.k.3",
        "10.attn.v.100",
        "0.attn.resid_delta.58",
        "11.mlp.act_in.1",
        "0.mlp.post_act.863",
        "7.mlp.resid_delta.4095",
        "0.mlp.post_act.999999",
        "0.attn.y.5",
        "0.resid_in.5",
        "final_resid.5",
        "",
        ".",
        "0",
        "0.mlp",
        "0.mlp.post_act",
        "00.mlp.post_act.1",
        "0.mlp.post_act.01",
        "0.mlp.post_act.-1",
        "0.mlp.post_act.1e3",
        "x.mlp.post_act.1",
        "0.mlp.post_act.1 ",
        " 0.mlp.post_act.1",
        "0.mlp.post_act.9999999999",
        "<script>",
        "__proto__",
        "0.attn.q.5.6",
        "0.attn.act_in",
        "0.mlp.q.1",
        "0.attn.post_act.1",
        "0.mlp.post_act.+1",
        "0.mlp.post_act.\u{0661}",
    ];
    let parsed = texts.map(|text| {
        let node = text.parse::<Node>().ok().filter(|node| node.is_circuit_node());
        let address = node.map(|node| match node.hook {
            crate::model::Hook::At { layer, site } => serde_json::json!([layer, site.name(), node.index]),
            crate::model::Hook::FinalResid => unreachable!("no circuit node"),
        });
        format!("  {}", serde_json::json!([text, address]))
    });
    format!("[\n{}\n]\n", parsed.join(",\n"))
}

/// The content of `edge-names.gen.json`: texts, each with whether it names an edge that can be switched off in some model. It tests
/// the page's parser.
fn edge_names() -> String {
    let places =
        ["0.attn.act_in.2", "0.attn.q.2", "0.attn.v.2", "0.attn.resid_delta.2", "0.mlp.act_in.2", "0.mlp.post_act.2"];
    let more = ["0.mlp.resid_delta.2", "1.attn.act_in.2", "1.attn.act_in.3", "1.mlp.post_act.2", "logit.0", "logit.1"];
    let nodes: Vec<&str> = places.into_iter().chain(more).collect();
    let mut texts: Vec<String> =
        nodes.iter().flat_map(|from| nodes.iter().map(move |to| format!("{from}:{to}"))).collect();
    texts.extend(
        [
            "",
            ":",
            "0.attn.q.1",
            "embedding:0.attn.act_in.2",
            "0.mlp.resid_delta.2:logit.2",
            "0.attn.v.2:0.attn.resid_delta.2:logit.0",
        ]
        .map(String::from),
    );
    let text = r#"{"vocab_size": 9, "n_layer": 2, "n_head": 2, "d_model": 8}"#;
    let config = crate::model::Config::from_beeg_json(text).unwrap();
    let known = |text: &String| text.parse::<EdgeId>().is_ok_and(|edge| edge.check(&config).is_ok());
    let lines: Vec<String> = texts.iter().map(|text| format!("  {}", serde_json::json!([text, known(text)]))).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn check(name: &str, wanted: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/src/engine").join(name);
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    let line = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    assert!(
        found == wanted,
        "{} differs from the structs from line {} on; write it with `UPDATE_TYPES=1 cargo test --lib protocol`",
        path.display(),
        line.map_or(found.lines().count().min(wanted.lines().count()), |line| line) + 1
    );
}

#[test]
fn the_types_of_the_page_match_the_rust_structs() {
    check("protocol.gen.ts", &types());
}

#[test]
fn the_node_name_table_of_the_page_matches_the_engine() {
    check("node-names.gen.json", &node_names());
}

#[test]
fn the_edge_name_table_of_the_page_matches_the_engine() {
    check("edge-names.gen.json", &edge_names());
}
