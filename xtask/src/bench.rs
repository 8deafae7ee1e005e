//! Benchmarks: criterion benchmarks of the kernels, comparisons with peers in one run (see docs/benchmarks.md), and
//! the page in a browser (www/bench.html).

mod contest;
mod machine;
mod peers;
mod report;
mod steps;

use crate::build;
use crate::exec::{Result, cargo, command, io, run, step, target, www};
use crate::setup::{self, executable};
use report::Row;
use std::fs;

/// The arguments of `cargo xtask bench`.
struct Request<'a> {
    /// Names of steps; empty = all.
    steps: Vec<&'a str>,
    /// Small sizes and few rounds, to check that everything runs.
    quick: bool,
    /// Arguments for `cargo bench`.
    criterion: &'a [&'a str],
}

/// A step measures and returns a row for each comparison.
type Work = fn(&peers::Contestants, &Request) -> Result<Vec<Row>>;

/// The steps, in this order. Add a line for a new benchmark.
const STEPS: [(&str, &str, Work); 8] = [
    ("kernels", "criterion's benchmarks of the kernels", kernels),
    ("forward", "forward passes, compared with dense and sparse peers", steps::forward),
    ("product", "the sparse product against its roofline", steps::product),
    ("top-k", "AbsTopK, compared with the standard library's selection, and its share of a forward pass", steps::top_k),
    ("attention", "attention", steps::attention),
    ("training", "training steps, compared with PyTorch", steps::training),
    ("compare-backends", "both backends op by op, on this machine's WebGPU device", compare_backends),
    ("browser", "the page in a browser", browser),
];

/// `[--quick] [STEP]... [-- ARGUMENTS OF cargo bench]`. Prints the table and writes it to target/bench as Markdown,
/// with each step as JSON.
pub fn bench(words: &[&str]) -> Result {
    let request = request(words)?;
    let folder = target().join("bench");
    io("create", &folder, fs::create_dir_all(&folder))?;
    let wanted = |name: &str| request.steps.is_empty() || request.steps.contains(&name);
    let machine = machine::describe();
    let alone = ["kernels", "compare-backends", "browser"];
    let contested = STEPS.iter().any(|step| !alone.contains(&step.0) && wanted(step.0));
    let contestants = peers::Contestants::set_up(&folder, contested)?;
    let mut table = format!("{machine}\n");
    for (name, what, work) in STEPS.into_iter().filter(|step| wanted(step.0)) {
        let rows = step(what, || work(&contestants, &request))?;
        if rows.is_empty() {
            continue;
        }
        let path = folder.join(format!("{name}.json"));
        io("write", &path, fs::write(&path, report::json(&machine, name, &rows)))?;
        table += &format!("\n{}", report::table(what, &rows));
    }
    let path = folder.join("table.md");
    io("write", &path, fs::write(&path, &table))?;
    println!("\n{table}");
    Ok(())
}

fn request<'a>(words: &'a [&'a str]) -> Result<Request<'a>> {
    let (words, criterion) = match words.iter().position(|word| *word == "--") {
        Some(at) => (&words[..at], &words[at + 1..]),
        None => (words, &[][..]),
    };
    let (flags, steps): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| **word == "--quick");
    if let Some(unknown) = steps.iter().find(|name| STEPS.iter().all(|step| step.0 != **name)) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.0).collect();
        return Err(format!("`{unknown}` is not a benchmark; the benchmarks are {}", known.join(", ")));
    }
    Ok(Request { steps, quick: !flags.is_empty(), criterion })
}

fn kernels(_: &peers::Contestants, request: &Request) -> Result<Vec<Row>> {
    let mut bench = cargo();
    bench.arg("bench").args(request.criterion);
    if request.quick {
        bench.args(["--bench", "kernels", "--", "--test"]);
    }
    run(&mut bench)?;
    Ok(Vec::new())
}

/// Prints its own table; target/bench/compare-backends.json has the same.
fn compare_backends(_: &peers::Contestants, _: &Request) -> Result<Vec<Row>> {
    setup::vulkan_driver();
    run(cargo().args(["build", "--release", "--package", "engine-bench", "--features", "webgpu"]))?;
    let program = target().join("release").join(executable("engine-bench"));
    run(command(program)
        .arg("compare-backends")
        .arg(target().join("bench/compare-backends.json"))
        .env("NODEVICE_SELECT", "1"))?;
    Ok(Vec::new())
}

/// Runs, and the time from a key press to the paint. www/scripts/bench.mjs prints its own table.
fn browser(_: &peers::Contestants, _: &Request) -> Result<Vec<Row>> {
    build::build()?;
    let browser = setup::browser()?;
    run(command("node").current_dir(www()).arg("scripts/bench.mjs").env("CHROMIUM", &browser.program))?;
    Ok(Vec::new())
}
