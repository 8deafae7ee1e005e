//! # sparse-circuits
//!
//! Train, prune, run and edit weight-sparse transformers and their circuits. The words and formulas
//! are those of Gao et al. 2025, "Weight-sparse transformers have interpretable circuits".
//!
//! Imports go one way: [`web`], [`cli`], [`train`] -> [`bridge`] -> [`circuit`] -> [`model`] ->
//! [`backend`] -> [`tensor`]; [`tasks`] -> [`tokenizer`]. `tests/suite/architecture.rs` checks it.
//! [`format`] (file formats) is used by `web`, `cli` and `train` only; [`mod@files`] and
//! [`console`] read and write for `cli` and `train`.
//!
//! Where to start reading: [`model::forward`] is the whole model; [`backend::Backend`] lists every operation it needs;
//! [`circuit::Edits`] lists everything that a user can change.

// The unit tests run natively; `wasm-pack test` compiles them for wasm too and then runs tests/wasm.rs alone.
#![cfg(not(all(test, target_arch = "wasm32")))]
// Printing goes through `console`: these macros panic where standard output is full.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod backend;
pub mod bridge;
pub mod circuit;
#[cfg(not(target_arch = "wasm32"))]
pub mod console;
mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod files;
pub mod format;
pub mod model;
pub mod random;
pub mod tasks;
pub mod tensor;
#[cfg(feature = "tokenizer")]
pub mod tokenizer;

#[cfg(all(feature = "tokenizer", not(target_arch = "wasm32")))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod train;
#[cfg(all(target_arch = "wasm32", feature = "web"))]
pub mod web;

// Writes the page's types from the structs that cross the boundary
#[cfg(test)]
#[path = "web/protocol.rs"]
mod protocol;

pub use error::{Error, Result};
