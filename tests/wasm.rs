//! Tests that a real browser runs, in a dedicated worker as the page's engine does: `cargo xtask test wasm`.
#![cfg(target_arch = "wasm32")]

use sparse_circuits::tensor::Activations;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
fn this_build_has_simd() {
    assert!(cfg!(target_feature = "simd128"), "build with .cargo/config.toml's flags");
}

#[wasm_bindgen_test]
fn rows_survive_the_panels() {
    for tokens in 1..=35 {
        for channels in [1, 2, 7, 16] {
            let rows: Vec<f32> = (0..tokens * channels).map(|i| i as f32).collect();
            assert_eq!(Activations::from_rows(&rows, channels).to_rows(), rows);
        }
    }
}
