//! The engine on every backend against the vectors; `tests/wasm.rs` runs the same cases in a browser.

use crate::oracle_suite::engine::Engine;
use crate::oracle_suite::vectors::{Case, cases, each_case};
use crate::oracle_suite::{Precision, check_forward, check_masks, now_or_never};
#[cfg(feature = "webgpu")]
use sparse_circuits::backend::gpu::Gpu;
use sparse_circuits::backend::{Backend, cpu::Cpu};

fn check(case: &Case, backend: impl Backend) {
    let mut engine = Engine::new(backend, &case.weights());
    now_or_never(check_forward(case, &mut engine, Precision::Single)).assert(case.name);
    if case.extras.is_some() {
        now_or_never(check_masks(case, &mut engine, Precision::Single)).assert(case.name);
    }
}

mod on_the_cpu {
    use super::*;

    macro_rules! test {
        ($case:ident) => {
            #[test]
            fn $case() {
                check(&cases::$case, Cpu::new());
            }
        };
    }
    each_case!(test);
}

#[cfg(feature = "webgpu")]
mod on_webgpu {
    use super::*;

    macro_rules! test {
        ($case:ident) => {
            #[test]
            fn $case() {
                if let Some(gpu) = Gpu::for_tests() {
                    check(&cases::$case, gpu);
                }
            }
        };
    }
    each_case!(test);
}
