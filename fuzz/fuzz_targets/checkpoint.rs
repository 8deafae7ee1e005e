//! Import of a checkpoint, zip or safetensors, for a small config. What is imported can be written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sparse_circuits::format::{Precision, checkpoint, model_file};

const CONFIG: &str = include_str!("../config.json");

fuzz_target!(|data: &[u8]| {
    if let Ok(model) = checkpoint::import(CONFIG, data) {
        let bytes = model_file::write(&model, Precision::Lossless).expect("an imported model can be written");
        assert!(model_file::read(&bytes).expect("what was written can be read") == model);
    }
});
