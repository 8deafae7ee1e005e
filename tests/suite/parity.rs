//! The parity suite on this machine's device; `tests/wasm.rs` runs the same checks in a browser.

use crate::parity_suite;

use crate::parity_suite::each_check;
use sparse_circuits::backend::gpu::Gpu;
use sparse_circuits::circuit::block_on;

macro_rules! test {
    ($check:ident) => {
        #[test]
        fn $check() {
            if let Some(gpu) = Gpu::for_tests() {
                block_on(parity_suite::$check(gpu));
            }
        }
    };
}
each_check!(test);
