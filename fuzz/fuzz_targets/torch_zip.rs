//! The zip container with the pickle in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sparse_circuits::format::torch_zip;

fuzz_target!(|data: &[u8]| {
    let _ = torch_zip::read(data);
});
