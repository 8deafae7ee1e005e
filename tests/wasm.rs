//! Tests that a real browser runs, in a dedicated worker as the page's engine does: `cargo xtask test wasm`, or
//! `wasm-pack test --headless --chrome` (with `--features webgpu` also on the browser's device).
#![cfg(target_arch = "wasm32")]

#[cfg(feature = "webgpu")]
#[path = "suite/gradient_support/mod.rs"]
mod gradient_support;
#[path = "suite/oracle_suite/mod.rs"]
mod oracle_suite;
#[cfg(feature = "webgpu")]
#[path = "suite/parity_suite/mod.rs"]
mod parity_suite;
#[cfg(feature = "webgpu")]
#[path = "suite/prune_support/mod.rs"]
mod prune_support;
#[cfg(feature = "webgpu")]
#[path = "suite/reference/mod.rs"]
mod reference;

#[cfg(feature = "webgpu")]
use sparse_circuits::backend::gpu::Gpu;
use sparse_circuits::tensor::Activations;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

const _: () = assert!(cfg!(target_feature = "simd128"), "build with the flags of .cargo/config.toml");

#[wasm_bindgen_test]
fn rows_survive_the_panels() {
    for tokens in 1..=35 {
        for channels in [1, 2, 7, 16] {
            let rows: Vec<f32> = (0..tokens * channels).map(|i| i as f32).collect();
            assert_eq!(Activations::from_rows(&rows, channels).to_rows(), rows);
        }
    }
}

/// The engine against the reference vectors: the cases of `tests/suite/oracle_engine.rs`.
mod oracle {
    use super::oracle_suite::vectors::{Case, cases, each_case};
    use super::oracle_suite::{Precision, check_forward, check_masks, engine::Engine};
    use sparse_circuits::backend::Backend;

    async fn check(case: &Case, backend: impl Backend) {
        let mut engine = Engine::new(backend, &case.weights());
        check_forward(case, &mut engine, Precision::Single).await.assert(case.name);
        if case.extras.is_some() {
            check_masks(case, &mut engine, Precision::Single).await.assert(case.name);
        }
    }

    mod on_the_cpu {
        use super::{cases, each_case};
        use sparse_circuits::backend::cpu::Cpu;
        use wasm_bindgen_test::wasm_bindgen_test;

        macro_rules! test {
            ($case:ident) => {
                #[wasm_bindgen_test]
                async fn $case() {
                    super::check(&cases::$case, Cpu::new()).await;
                }
            };
        }
        each_case!(test);
    }

    #[cfg(feature = "webgpu")]
    mod on_webgpu {
        use super::super::device;
        use super::{cases, each_case};
        use wasm_bindgen_test::wasm_bindgen_test;

        macro_rules! test {
            ($case:ident) => {
                #[wasm_bindgen_test]
                async fn $case() {
                    super::check(&cases::$case, device().await).await;
                }
            };
        }
        each_case!(test);
    }
}

/// The browser's device. webdriver.json gives it an adapter that computes on the CPU.
#[cfg(feature = "webgpu")]
async fn device() -> Gpu {
    Gpu::new().await.expect("a device")
}

/// The two backends compared: the checks of `tests/suite/parity.rs`.
#[cfg(feature = "webgpu")]
mod parity {
    use super::device;
    use super::parity_suite::{self, each_check};
    use wasm_bindgen_test::wasm_bindgen_test;

    macro_rules! test {
        ($check:ident) => {
            #[wasm_bindgen_test]
            async fn $check() {
                parity_suite::$check(device().await).await;
            }
        };
    }
    each_check!(test);
}
