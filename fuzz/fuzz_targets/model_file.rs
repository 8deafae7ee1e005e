//! Our model files. What is read can be written, in both precisions, and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sparse_circuits::format::{Precision, model_file};

fuzz_target!(|data: &[u8]| {
    if let Ok(model) = model_file::read(data) {
        let bytes = model_file::write(&model, Precision::Lossless).expect("a model that was read can be written");
        assert!(model_file::read(&bytes).expect("what was written can be read") == model);
        let bytes = model_file::write(&model, Precision::Compact).expect("and written compactly");
        let compact = model_file::read(&bytes).expect("and read");
        let bytes = model_file::write(&compact, Precision::Compact).expect("and written again");
        assert!(model_file::read(&bytes).expect("and read again") == compact, "without a further loss");
    }
});
