//! `engine-bench [--file FILE] JOB`: a native contestant. `engine-bench write SIZE FILE`: a random model.
//! `engine-bench compare-backends FILE [all]` (feature `webgpu`): compares both backends op by op, prints a table
//! and writes it as JSON to FILE.
//!
//! The protocol of a contestant is in docs/benchmarks.md.

use cpu_time::ProcessTime;
use engine_bench::{Job, job, models};
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

/// Milliseconds of processor time.
fn now() -> f64 {
    ProcessTime::now().as_duration().as_secs_f64() * 1000.0
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["write", size, to] => {
            let file = models::file(size).ok_or_else(|| format!("there is no size {size}"))?;
            Ok(std::fs::write(to, file)?)
        }
        #[cfg(feature = "webgpu")]
        ["compare-backends", to, ref words @ ..] => compare_backends(to, words == ["all"]),
        ["--file", file, ref words @ ..] => contest(job(words, &std::fs::read(file)?, now)?),
        _ => contest(job(&words, &[], now)?),
    }
}

/// A software adapter gets the smallest size only, a GPU the full grid. `all` gives every adapter the full grid.
#[cfg(feature = "webgpu")]
fn compare_backends(to: &str, all: bool) -> Result<(), Box<dyn Error>> {
    use engine_bench::compare_backends::{Comparison, Row, plan};
    use sparse_circuits::backend::{gpu::Gpu, now_or_never};
    let mut comparison = Comparison::new(Some(now_or_never(Gpu::new())?));
    let device = comparison.device().map(str::to_string);
    let software = comparison.is_software();
    say(&format!("WebGPU on {}", device.as_deref().unwrap_or_default()))?;
    if software {
        say("A software adapter: its times mean nothing, only that both backends agree.")?;
    }
    say("")?;
    say(Row::HEAD)?;
    let start = Instant::now();
    let now = move || start.elapsed().as_secs_f64() * 1000.0;
    let mut rows = Vec::new();
    for (what, shape) in plan(all || !software) {
        let row = now_or_never(comparison.row(what, shape, &now))?;
        say(&row.line())?;
        rows.push(row.clone());
    }
    let json = serde_json::json!({ "device": device, "software": software, "rows": rows });
    Ok(std::fs::write(to, json.to_string())?)
}

/// Each time is the mean of the runs within a few milliseconds.
fn contest(mut job: Box<dyn Job>) -> Result<(), Box<dyn Error>> {
    job.run();
    let start = ProcessTime::now();
    let mut runs = 0;
    while runs < 2 || start.elapsed().as_millis() < 100 {
        job.run();
        runs += 1;
    }
    let each = start.elapsed().as_secs_f64() * 1000.0 / runs as f64;
    let repeats = (5.0 / each).ceil().clamp(1.0, 10_000.0);
    job.parts();
    say(&format!("ready {}", job.work()))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(path) = line.strip_prefix("write ") {
            let bytes: Vec<u8> = job.output().iter().flat_map(|x| x.to_le_bytes()).collect();
            std::fs::write(path, bytes)?;
            say("done")?;
            continue;
        }
        let (cpu, wall) = (ProcessTime::now(), Instant::now());
        (0..repeats as usize).for_each(|_| job.run());
        let (cpu, wall) = (cpu.elapsed().as_secs_f64(), wall.elapsed().as_secs_f64());
        let mut answer = format!("{} {}", cpu * 1000.0 / repeats, wall * 1000.0 / repeats);
        for (name, ms) in job.parts() {
            answer += &format!(" {name}={}", ms / repeats);
        }
        say(&answer)?;
    }
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}
