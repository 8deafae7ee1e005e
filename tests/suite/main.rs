//! Every native integration test in one program, so that the crate is compiled and linked into a test once.
//!
//! `cargo test --test suite` runs all of them, `cargo test --test suite cli::` the tests of one file.
//! A new file of tests is a new `mod` line below.
#![cfg(not(target_arch = "wasm32"))]

// What several test files share
mod format_support;
mod gradient_support;
mod oracle_suite;
#[cfg(feature = "webgpu")]
mod parity_suite;
mod prune_support;
mod reference;

// The tests
mod architecture;
mod bridges;
mod checkout;
mod cli;
mod details;
mod edge_ablation;
mod edits;
mod format_bridge_file;
mod format_circuit_file;
mod format_cli;
mod format_hostile;
mod format_import;
mod format_model_file;
mod generate;
mod gradients;
mod ops;
mod oracle_engine;
mod oracle_reference;
#[cfg(unix)]
mod output;
#[cfg(feature = "webgpu")]
mod parity;
mod prune;
mod published;
mod tasks;
mod train;
