//! The unpickler alone: every byte is an opcode or its argument. Tensors that it builds are read out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sparse_circuits::format::pickle::{self, Value};

fn visit(value: &Value) {
    match value {
        Value::List(items) | Value::Tuple(items) => items.iter().for_each(visit),
        Value::Dict(items) => items.iter().for_each(|(key, value)| {
            visit(key);
            visit(value);
        }),
        Value::Tensor(tensor) => {
            assert_eq!(tensor.to_f64().len(), tensor.len());
            assert_eq!(tensor.to_bytes().len(), tensor.len() * tensor.dtype.size());
        }
        _ => {}
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = pickle::read(data, &|key| (key != "none").then_some(&[0x3f; 64])) {
        visit(&value);
    }
});
