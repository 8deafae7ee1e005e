//! Benchmarks: criterion's (benches/) natively. Further kinds are further lines of [`bench`].

use crate::exec::{Outcome, cargo, run, step};

/// Runs `cargo bench`; `arguments` choose among the benchmarks (`cargo xtask bench --bench forward`).
pub fn bench(arguments: &[&str]) -> Outcome {
    step("native benchmarks", || run(cargo().arg("bench").args(arguments)))
}
