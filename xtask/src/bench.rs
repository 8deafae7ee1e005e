//! Benchmarks: criterion's (benches/) natively, then the page in a browser (www/bench.html).

use crate::build;
use crate::exec::{Outcome, cargo, command, run, step, www};
use crate::setup;

/// Everything; `browser` alone; or `cargo bench` with arguments that choose among its benchmarks (`--bench forward`).
pub fn bench(arguments: &[&str]) -> Outcome {
    if arguments != ["browser"] {
        step("native benchmarks", || run(cargo().arg("bench").args(arguments)))?;
    }
    if arguments.is_empty() || arguments == ["browser"] { browser() } else { Ok(()) }
}

fn browser() -> Outcome {
    build::build()?;
    let browser = setup::browser()?;
    step("benchmarks in the browser", || {
        run(command("node").current_dir(www()).arg("scripts/bench.mjs").env("CHROMIUM", &browser.program))
    })
}
