//! The CPU backend: one thread, portable SIMD. Each file has the ops of one trait of [`super`], with naive references and tests.

mod abs_top_k;
mod activate;
mod attention;
#[cfg(not(target_arch = "wasm32"))]
mod divergence;
mod elementwise;
mod indexing;
mod intervene;
mod loss;
mod matmul;
mod memory;
mod norm;
#[doc(hidden)]
pub mod simd;
#[cfg(test)]
pub(crate) mod testing;

#[cfg(not(target_arch = "wasm32"))]
pub use divergence::divergence;
pub use memory::{Cpu, CpuMatrix, CpuVector};
