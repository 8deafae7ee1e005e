//! The engine's side of the benchmarks: [`job`] makes what is measured from a line of words. `main.rs` runs jobs natively,
//! `wasm.rs` hands them to node; both are contestants of `cargo xtask bench` (see ../README.md). [`compare_backends`] measures both
//! backends op by op, natively and in a browser (`page.rs`).

#[cfg(feature = "webgpu")]
pub mod compare_backends;
mod jobs;
pub mod models;
#[cfg(all(target_arch = "wasm32", feature = "page"))]
mod page;
mod profiled;
mod roofline;
#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod wasm;

pub use jobs::{Job, job};
