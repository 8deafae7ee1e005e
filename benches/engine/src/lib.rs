//! The engine as a contestant: [`job`] makes a job from its command line. `main.rs` runs jobs natively, `wasm.rs`
//! in node; both are contestants of `cargo xtask bench` (see docs/benchmarks.md). [`compare_backends`] measures
//! both backends op by op, natively and in a browser (`page.rs`).

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
