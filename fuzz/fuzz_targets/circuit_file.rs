//! Circuit files. What is read can be written and is then the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sparse_circuits::format::circuit_file;
use sparse_circuits::model::Config;
use std::sync::LazyLock;

static CONFIG: LazyLock<Config> =
    LazyLock::new(|| Config::from_beeg_json(include_str!("../config.json")).expect("the config of the seeds"));

fuzz_target!(|data: &[u8]| {
    if let Ok(file) = circuit_file::read(data) {
        let _ = file.circuit.check(&CONFIG);
        let bytes = circuit_file::write(&file).expect("a circuit that was read can be written");
        assert!(circuit_file::read(&bytes).expect("what was written can be read") == file);
    }
});
