//! The engine's side of the benchmarks: [`job`] makes what is measured from a line of words. `main.rs` runs jobs natively,
//! `wasm.rs` hands them to node; both are contestants of `cargo xtask bench` (see ../README.md).

mod jobs;
pub mod models;
#[cfg(target_arch = "wasm32")]
mod wasm;
mod watched;

pub use jobs::{Job, job};
