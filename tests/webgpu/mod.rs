//! The machine's WebGPU device, for tests that compare backends.

#![allow(dead_code)] // each test uses a part

use sparse_circuits::Error;
use sparse_circuits::backend::gpu::{Gpu, NO_ADAPTER};
use sparse_circuits::backend::ready;
use std::io::Write;

/// `None`, and a sentence that no test runner swallows, where the machine has no adapter. Any other trouble is a failure.
pub fn gpu() -> Option<Gpu> {
    match ready(Gpu::new()) {
        Ok(gpu) => Some(gpu),
        Err(Error::Backend(reason)) if reason.starts_with(NO_ADAPTER) => {
            let advice = "on Debian the package mesa-vulkan-drivers has one that computes on the CPU";
            writeln!(std::io::stderr(), "SKIPPED: {reason}; {advice}").expect("a place to write to");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A new device; only where [`gpu`] has found one.
pub fn new_gpu() -> Gpu {
    gpu().expect("the device that was there before")
}
