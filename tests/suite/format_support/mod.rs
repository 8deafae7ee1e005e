//! Shared by the tests of files: the reference vectors, and small writers of the containers, apart from the crate's
//! own.
#![allow(dead_code)] // each test binary uses a part

pub mod archive;

use sparse_circuits::format::pickle::Value;
use std::path::{Path, PathBuf};

pub fn oracle(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(name)
}

/// The folders of the twelve reference models.
pub fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(oracle(""))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("beeg_config.json").exists())
        .collect();
    folders.sort();
    folders
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap()
}

pub struct Tensor {
    pub name: String,
    pub dtype: String,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

/// A safetensors file taken apart, to be changed and put together again.
pub struct Container {
    pub tensors: Vec<Tensor>,
    pub metadata: serde_json::Value,
}

impl Container {
    pub fn parse(bytes: &[u8]) -> Container {
        let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
        let number = |value: &serde_json::Value| value.as_u64().unwrap() as usize;
        let mut tensors = Vec::new();
        for (name, info) in header.as_object().unwrap().iter().filter(|(name, _)| *name != "__metadata__") {
            let [start, end] = [0, 1].map(|i| number(&info["data_offsets"][i]));
            tensors.push(Tensor {
                name: name.clone(),
                dtype: info["dtype"].as_str().unwrap().to_string(),
                shape: info["shape"].as_array().unwrap().iter().map(number).collect(),
                data: bytes[8 + len + start..8 + len + end].to_vec(),
            });
        }
        Container { tensors, metadata: header["__metadata__"].clone() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut header = serde_json::Map::new();
        if !self.metadata.is_null() {
            header.insert("__metadata__".into(), self.metadata.clone());
        }
        let mut data = Vec::new();
        for tensor in &self.tensors {
            let start = data.len();
            data.extend(&tensor.data);
            header.insert(
                tensor.name.clone(),
                serde_json::json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [start, data.len()]}),
            );
        }
        container(&serde_json::Value::Object(header).to_string(), &data)
    }

    pub fn get(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("no tensor {name}"))
    }

    pub fn remove(&mut self, name: &str) {
        self.get(name);
        self.tensors.retain(|tensor| tensor.name != name);
    }

    pub fn rename(&mut self, rename: impl Fn(&str) -> String) {
        self.tensors.iter_mut().for_each(|tensor| tensor.name = rename(&tensor.name));
    }

    pub fn reshape(&mut self, name: &str, reshape: impl Fn(&[usize]) -> Vec<usize>) {
        let tensor = self.get(name);
        let shape = reshape(&tensor.shape);
        tensor.data.resize(shape.iter().product::<usize>() * width(&tensor.dtype), 0);
        tensor.shape = shape;
    }

    pub fn set_f32(&mut self, name: &str, at: usize, value: f32) {
        let tensor = self.get(name);
        assert_eq!(tensor.dtype, "F32");
        tensor.data[at * 4..at * 4 + 4].copy_from_slice(&value.to_le_bytes());
    }

    pub fn fill_f32(&mut self, name: &str, value: f32) {
        for at in 0..self.get(name).data.len() / 4 {
            self.set_f32(name, at, value);
        }
    }

    pub fn add_f32(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.push(Tensor { name: name.into(), dtype: "F32".into(), shape: shape.to_vec(), data });
    }

    /// The numbers of a tensor; empty when there is none of that name.
    pub fn f32s(&self, name: &str) -> Vec<f32> {
        let Some(tensor) = self.tensors.iter().find(|tensor| tensor.name == name) else { return Vec::new() };
        let wide = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
        match tensor.dtype.as_str() {
            "F32" => tensor.data.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect(),
            "F16" => tensor.data.chunks(2).map(|bytes| half::f16::from_bits(wide(bytes)).to_f32()).collect(),
            "BF16" => tensor.data.chunks(2).map(|bytes| f32::from_bits((wide(bytes) as u32) << 16)).collect(),
            other => panic!("{name} has type {other}"),
        }
    }
}

/// A safetensors file with this header and data, whatever they say.
pub fn container(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn width(dtype: &str) -> usize {
    match dtype {
        "F64" | "I64" => 8,
        "F32" | "I32" => 4,
        "F16" | "BF16" | "U16" => 2,
        "U8" | "I8" => 1,
        other => panic!("type {other}"),
    }
}

/// Compares a value with the listing of `viz_data.json`; counts the tensors.
pub fn compare(value: &Value, listing: &serde_json::Value, path: &str, tensors: &mut usize) {
    let items = |kind: &str| listing[kind].as_array().unwrap_or_else(|| panic!("{path}: no {kind} in the listing"));
    match value {
        Value::None => assert!(listing.is_null(), "{path}"),
        Value::Bool(value) => assert_eq!(listing.as_bool(), Some(*value), "{path}"),
        Value::Int(value) => assert_eq!(listing.as_i64(), Some(*value), "{path}"),
        Value::Float(value) => assert_eq!(listing.as_f64(), Some(*value), "{path}"),
        Value::Str(value) => assert_eq!(listing.as_str(), Some(*value), "{path}"),
        Value::List(values) | Value::Tuple(values) => {
            let listed = items(if matches!(value, Value::List(_)) { "list" } else { "tuple" });
            assert_eq!(values.len(), listed.len(), "{path}");
            for (at, (value, listing)) in values.iter().zip(listed).enumerate() {
                compare(value, listing, &format!("{path}[{at}]"), tensors);
            }
        }
        Value::Dict(entries) => {
            let listed = items("dict");
            assert_eq!(entries.len(), listed.len(), "{path}");
            for ((key, value), listing) in entries.iter().zip(listed) {
                compare(key, &listing[0], path, tensors);
                compare(value, &listing[1], &format!("{path}.{}", listing[0]), tensors);
            }
        }
        Value::Tensor(tensor) => {
            *tensors += 1;
            assert_eq!(listing["tensor"], tensor.dtype.name(), "{path}");
            assert_eq!(listing["shape"], serde_json::json!(tensor.shape), "{path}");
            let numbers = tensor.to_f64();
            let sum: f64 = numbers.iter().sum();
            let scale = 1.0 + numbers.iter().map(|number| number.abs()).sum::<f64>();
            let listed = listing["sum"].as_f64().unwrap();
            assert!((sum - listed).abs() <= 1e-6 * scale, "{path}: sum {sum}, listed {listed}");
            for (number, first) in numbers.iter().zip(listing["first"].as_array().unwrap()) {
                assert!((number - first.as_f64().unwrap()).abs() <= 1e-6 * scale, "{path}: {number}, listed {first}");
            }
        }
    }
}
