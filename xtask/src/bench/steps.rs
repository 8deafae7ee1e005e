//! The comparisons of each step. Goals are defined where their rows are made.

use super::Request;
use super::contest::{Contestant, take_turns};
use super::peers::{Contestants, text};
use super::report::{Figures, Goal, Measure, Row};
use crate::exec::{Result, root};
use std::path::PathBuf;

/// Model sizes with their WASM goals: how many times faster than onnxruntime-web, at 64 and at 256 tokens.
const SIZES: [(&str, [f64; 2]); 3] = [("S", [15.0, 12.0]), ("M", [25.0, 20.0]), ("L1", [30.0, 25.0])];
const TOKENS: [usize; 2] = [64, 256];

fn sizes(request: &Request) -> &'static [(&'static str, [f64; 2])] {
    if request.quick { &SIZES[..1] } else { &SIZES }
}

/// The contestants of one comparison.
#[derive(Default)]
struct Group(Vec<Contestant>);

/// An index into a [`Group`], or why the contestant could not start.
type Slot = Result<usize>;

impl Group {
    fn add(&mut self, contestant: Result<Contestant>) -> Slot {
        self.0.push(contestant?);
        Ok(self.0.len() - 1)
    }

    fn row(&self, what: &str, measure: Measure, ours: usize, peer: &Slot, goal: Option<Goal>) -> Row {
        let peer = peer.as_ref().map(|&peer| measure.figures(&self.0[peer])).map_err(String::clone);
        let ours = measure.figures(&self.0[ours]);
        let row = Row { what: what.into(), measure, ours, peer, goal, note: String::new() };
        println!("  {}", row.line());
        row
    }
}

pub fn forward(contestants: &Contestants, request: &Request) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (size, goals) in sizes(request) {
        let model = contestants.model(size)?;
        let graph = contestants.graph(&model);
        for (tokens, goal) in TOKENS.into_iter().zip(goals) {
            let (words, count) = (format!("forward {tokens}"), tokens.to_string());
            let arguments = graph.as_ref().map(|graph| [text(graph), count.clone()]).map_err(String::clone);
            let arguments = arguments.as_ref().map(|[graph, count]| [graph.as_str(), count.as_str()]);
            let mut group = Group::default();
            let wasm = group.add(contestants.wasm("wasm", &words, Some(&model)))?;
            let web = arguments
                .map_err(String::clone)
                .and_then(|words| group.add(contestants.node("onnxruntime-web", "onnxruntime_web.mjs", &words)));
            let native = group.add(contestants.native("native", &words, Some(&model)))?;
            let csr = group.add(contestants.python("torch CSR", "torch_csr.py", &[&text(&model), &count]));
            let dense = arguments
                .map_err(String::clone)
                .and_then(|words| group.add(contestants.python("onnxruntime", "onnxruntime_native.py", &words)));
            take_turns(&mut group.0, request.quick)?;

            for (ours, peer, goal) in [(wasm, &web, *goal), (native, &csr, 6.0), (native, &dense, 10.0)] {
                let what = format!("{size}, {tokens} tokens");
                let mut row = group.row(&what, Measure::Time, ours, peer, Some(Goal::AtLeast(goal)));
                if let Ok(peer) = peer {
                    row.note = agreement(&mut group, contestants, ours, *peer)?;
                }
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// Checks that two contestants compute the same. If two magnitudes are almost equal, rounding decides which one
/// AbsTopK keeps. Then this token and the tokens that attend to it differ. So a few tokens may disagree.
fn agreement(group: &mut Group, contestants: &Contestants, ours: usize, peer: usize) -> Result<String> {
    const VOCABULARY: usize = 1024;
    let path = contestants.folder.join("output.bin");
    let (a, b) = (group.0[ours].output(&path)?, group.0[peer].output(&path)?);
    if a.len() != b.len() || a.is_empty() {
        return Err(format!(
            "{} gives {} logits, {} gives {}",
            group.0[ours].name,
            a.len(),
            group.0[peer].name,
            b.len()
        ));
    }
    let agree = |(a, b): &(&[f32], &[f32])| {
        let largest = b.iter().fold(0f32, |most, b| most.max(b.abs()));
        a.iter().zip(*b).all(|(a, b)| (a - b).abs() <= 1e-3 * largest)
    };
    let tokens = a.len() / VOCABULARY;
    let agreeing = a.chunks(VOCABULARY).zip(b.chunks(VOCABULARY)).filter(agree).count();
    if agreeing == 0 {
        return Err(format!("{} and {} do not compute the same", group.0[ours].name, group.0[peer].name));
    }
    Ok(format!("{agreeing} of {tokens} tokens agree to 1e-3"))
}

pub fn product(contestants: &Contestants, request: &Request) -> Result<Vec<Row>> {
    // rows, columns, density, share of the roofline that is the goal
    let shapes: [(usize, usize, f64, Option<f64>); 9] = [
        (256, 256, 0.01, None),
        (256, 256, 0.02, Some(0.5)),
        (512, 512, 0.01, Some(0.5)),
        (256, 1024, 0.01, Some(0.6)),
        (1024, 1024, 0.005, Some(0.5)),
        (1024, 1024, 0.01, Some(0.6)),
        (4096, 1024, 0.01, Some(0.6)),
        (1024, 4096, 0.01, Some(0.6)),
        (2048, 2048, 0.01, Some(0.6)),
    ];
    let mut rows = Vec::new();
    for wasm in [true, false] {
        let start = |words: &str| match wasm {
            true => contestants.wasm("wasm", words, None),
            false => contestants.native("native", words, None),
        };
        let mut group = Group::default();
        let roofline = group.add(start("roofline"));
        if let Ok(roofline) = &roofline {
            group.0[*roofline].name = "roofline fed by loads".into();
        }
        let shapes = if request.quick { &shapes[..2] } else { &shapes[..] };
        for (rows, cols, density, _) in shapes {
            group.add(start(&format!("product {rows} {cols} {density}")))?;
        }
        take_turns(&mut group.0, request.quick)?;
        for (i, (height, width, density, goal)) in shapes.iter().enumerate() {
            let in_a_row = density * *width as f64;
            let what = format!("{height} x {width}, {in_a_row:.1} nonzeros per row");
            // The goal is for WASM only.
            let goal = goal.filter(|_| wasm).map(Goal::AtLeast);
            rows.push(group.row(&what, Measure::Rate, i + 1, &roofline, goal));
        }
    }
    Ok(rows)
}

pub fn top_k(contestants: &Contestants, request: &Request) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let shipped = root().join("models/default.safetensors");
    let mut models: Vec<(&str, PathBuf, [usize; 2], usize)> = vec![("shipped", shipped, [128, 512], 128)];
    for (size, _) in sizes(request) {
        let width = match *size {
            "S" => 256,
            "M" => 1024,
            _ => 2048,
        };
        models.push((size, contestants.model(size)?, [width, 4 * width], 256));
    }
    for (size, model, widths, tokens) in &models {
        for width in widths {
            for wasm in [true, false] {
                let start = |name: &str, way: &str| {
                    let words = format!("{way} {width} {tokens}");
                    match wasm {
                        true => contestants.wasm(&format!("{name}, wasm"), &words, Some(model)),
                        false => contestants.native(&format!("{name}, native"), &words, Some(model)),
                    }
                };
                let mut group = Group::default();
                let ours = group.add(start("AbsTopK", "top-k"))?;
                let peer = group.add(start("select_nth_unstable", "select-nth"));
                take_turns(&mut group.0, request.quick)?;
                let what = format!("{size}, {width} channels");
                rows.push(group.row(&what, Measure::Time, ours, &peer, Some(Goal::AtLeast(4.0))));
            }
        }
    }
    for (size, model, _, _) in &models[1..] {
        for tokens in TOKENS {
            let words = format!("profile {tokens}");
            let mut group = Group::default();
            group.add(contestants.wasm("wasm", &words, Some(model)))?;
            group.add(contestants.native("native", &words, Some(model)))?;
            take_turns(&mut group.0, request.quick)?;
            rows.extend(group.0.iter().map(|contestant| share(size, tokens, contestant)));
        }
    }
    Ok(rows)
}

/// The share of AbsTopK in a forward pass. The note lists the other ops.
fn share(size: &str, tokens: usize, contestant: &Contestant) -> Row {
    let part = |wanted: &str| -> Vec<f64> {
        let of = |parts: &[(String, f64)]| parts.iter().find(|part| part.0 == wanted).map_or(0.0, |part| part.1);
        contestant.samples.iter().map(|sample| of(&sample.parts)).collect()
    };
    let figures = |name: &str, values| Figures { name: name.into(), values };
    let forward = figures("forward", contestant.samples.iter().map(|sample| sample.cpu).collect());
    let total = forward.median();
    let names = contestant.samples.first().map_or(&[][..], |sample| &sample.parts[..]);
    let mut parts: Vec<Figures> = names.iter().map(|(name, _)| figures(name, part(name))).collect();
    parts.sort_by(|a, b| b.median().total_cmp(&a.median()));
    let summary = |part: &Figures| format!("{} {:.0} %", part.name, 100.0 * part.median() / total);
    let ours = figures(&format!("AbsTopK, {}", contestant.name), part("abs_top_k"));
    let note = parts.iter().take(6).map(summary).collect::<Vec<_>>().join(", ");
    let what = format!("share of {size}, {tokens} tokens");
    Row { what, measure: Measure::Share, ours, peer: Ok(forward), goal: Some(Goal::AtMost(0.35)), note }
}

/// Milliseconds of all attention layers of size S at 256 tokens in an early WASM prototype, on a similar machine.
/// The forward pass without AbsTopK took 27.
const PROTOTYPE: f64 = 20.0;

pub fn attention(contestants: &Contestants, request: &Request) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (size, _) in sizes(request) {
        let model = contestants.model(size)?;
        for wasm in [true, false] {
            let start = |name: &str, way: &str| {
                let words = format!("{way} 256");
                match wasm {
                    true => contestants.wasm(&format!("{name}, wasm"), &words, Some(&model)),
                    false => contestants.native(&format!("{name}, native"), &words, Some(&model)),
                }
            };
            let mut group = Group::default();
            let ours = group.add(start("a quarter kept", "attention"))?;
            let dense = group.add(start("no zeros", "dense-attention"));
            take_turns(&mut group.0, request.quick)?;
            let what = format!("{size}, 256 tokens");
            if wasm && *size == "S" {
                let mut row = group.row(&what, Measure::Time, ours, &dense, Some(Goal::AtLeast(2.0)));
                let values = vec![PROTOTYPE; row.ours.values.len()];
                row.peer = Ok(Figures { name: "prototype, as recorded".into(), values });
                rows.push(row);
            }
            rows.push(group.row(&what, Measure::Time, ours, &dense, None));
        }
    }
    Ok(rows)
}

pub fn training(contestants: &Contestants, request: &Request) -> Result<Vec<Row>> {
    let config = root().join("models/train.json");
    let mut group = Group::default();
    // Step 0 has dense weights. At step 8000 of 14000 the density has reached its target.
    let mut ours = Vec::new();
    for step in ["0", "8000"] {
        ours.push(group.add(contestants.native("native", &format!("train {step}"), Some(&config)))?);
    }
    let peers = [("torch, f32", "float32"), ("torch, bf16", "bfloat16")]
        .map(|(name, dtype)| group.add(contestants.python(name, "torch_train.py", &[&text(&config), dtype])));
    // All contestants train on the same number of tokens.
    let tokens = group.0[ours[0]].work;
    group.0.iter_mut().for_each(|contestant| contestant.work = tokens);
    take_turns(&mut group.0, request.quick)?;
    let mut rows = Vec::new();
    for (ours, what) in ours.into_iter().zip(["dense weights", "sparse weights"]) {
        for peer in &peers {
            for measure in [Measure::Tokens, Measure::Time] {
                let what = if measure == Measure::Time { format!("{what}, processor") } else { what.to_string() };
                rows.push(group.row(&what, measure, ours, peer, None));
            }
        }
    }
    Ok(rows)
}
