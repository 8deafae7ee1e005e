//! The engine's side of the benchmarks: [`job`] makes what is measured from a line of words. `main.rs` runs jobs natively,
//! `wasm.rs` hands them to node; both are contestants of `cargo xtask bench` (see ../README.md). [`sides`] measures the two backends
//! beside each other, natively and in a browser (`page.rs`).

mod jobs;
pub mod models;
#[cfg(all(target_arch = "wasm32", feature = "page"))]
mod page;
#[cfg(feature = "webgpu")]
pub mod sides;
#[cfg(all(target_arch = "wasm32", not(feature = "page")))]
mod wasm;
mod watched;

pub use jobs::{Job, job};
