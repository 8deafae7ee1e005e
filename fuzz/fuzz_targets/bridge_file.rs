//! Bridge files. What is read can be written and is then the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sparse_circuits::format::{Precision, bridge_file};

fuzz_target!(|data: &[u8]| {
    if let Ok(file) = bridge_file::read(data) {
        let bytes = bridge_file::write(&file, Precision::Lossless).expect("a bridge that was read can be written");
        assert!(bridge_file::read(&bytes).expect("what was written can be read") == file);
    }
});
