//! The engine on the CPU against the vectors; `tests/wasm.rs` runs the same cases in a browser.

mod oracle_suite;

use oracle_suite::engine::Engine;
use oracle_suite::vectors::{cases, each_case};
use oracle_suite::{Precision, check_forward, check_masks, ready};
use sparse_circuits::backend::cpu::Cpu;

macro_rules! test {
    ($case:ident) => {
        #[test]
        fn $case() {
            let case = &cases::$case;
            let mut engine = Engine::new(Cpu::new(), &case.weights());
            ready(check_forward(case, &mut engine, Precision::Single)).assert(case.name);
            if case.extras.is_some() {
                ready(check_masks(case, &mut engine, Precision::Single)).assert(case.name);
            }
        }
    };
}
each_case!(test);
