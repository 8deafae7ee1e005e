//! The safetensors container: what a header claims is checked against the file before the `safetensors` crate sees it.

use super::Dtype;
use super::ours::compact;
use crate::{Result, bail};
use safetensors::SafeTensors;
use serde::Serialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// A model has at most some ten thousand tensors of a hundred header bytes each.
const MAX_HEADER: usize = 16 << 20;

/// A tensor of a file. Its bytes are a slice of the file's buffer.
#[derive(Clone, Debug)]
pub(super) struct StoredTensor<'a> {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Exactly `shape`'s product times the size of `dtype`; row-major.
    pub bytes: &'a [u8],
}

/// A parsed container: tensors by name, and the header's metadata.
#[derive(Debug)]
pub(super) struct TensorFile<'a> {
    pub tensors: HashMap<String, StoredTensor<'a>>,
    pub metadata: HashMap<String, String>,
}

impl<'a> TensorFile<'a> {
    /// # Errors
    /// When the file is truncated, when its header states wrong sizes or offsets, names a tensor twice, or uses a number
    /// type that no model of ours has.
    pub fn open(bytes: &'a [u8]) -> Result<TensorFile<'a>> {
        let header = header(bytes)?;
        let data_len = bytes.len() - 8 - header.len();
        let offsets = match serde_json::from_str::<Offsets>(header) {
            Ok(Offsets(offsets)) => offsets,
            Err(error) => bail!("the header of the safetensors file is not valid: {error}"),
        };
        for (name, (start, end)) in &offsets {
            if start > end || *end > data_len as u64 {
                bail!(
                    "the safetensors file is truncated or its header is wrong: the tensor {name} has the bytes {start} to {end} of {data_len}"
                );
            }
        }
        let file = match SafeTensors::deserialize(bytes) {
            Ok(file) => file,
            Err(error) => bail!("the safetensors file is not valid: {error}"),
        };
        let mut tensors = HashMap::new();
        for (name, view) in file.iter() {
            let dtype = dtype(name, view.dtype())?;
            tensors.insert(name.to_string(), StoredTensor { dtype, shape: view.shape().to_vec(), bytes: view.data() });
        }
        let metadata = match SafeTensors::read_metadata(bytes) {
            Ok((_, metadata)) => metadata.metadata().clone().unwrap_or_default(),
            Err(error) => bail!("the safetensors file is not valid: {error}"),
        };
        Ok(TensorFile { tensors, metadata })
    }
}

fn header(bytes: &[u8]) -> Result<&str> {
    let Some((len, rest)) = bytes.split_first_chunk::<8>() else {
        bail!("the file has {} bytes: it is not a safetensors file, or it was cut off", bytes.len());
    };
    let len = u64::from_le_bytes(*len);
    if len > MAX_HEADER as u64 {
        bail!("this is not a safetensors file: it declares a header of {len} bytes (at most {MAX_HEADER} are taken)");
    }
    let Some(header) = rest.get(..len as usize) else {
        bail!("the safetensors file is truncated: its header of {len} bytes does not fit its {} bytes", bytes.len());
    };
    match std::str::from_utf8(header) {
        Ok(header) => Ok(header),
        Err(_) => bail!("this is not a safetensors file: its header is not text"),
    }
}

/// Our number types and those of the container.
const DTYPES: [(Dtype, safetensors::Dtype); 12] = [
    (Dtype::F64, safetensors::Dtype::F64),
    (Dtype::F32, safetensors::Dtype::F32),
    (Dtype::F16, safetensors::Dtype::F16),
    (Dtype::BF16, safetensors::Dtype::BF16),
    (Dtype::I64, safetensors::Dtype::I64),
    (Dtype::I32, safetensors::Dtype::I32),
    (Dtype::I16, safetensors::Dtype::I16),
    (Dtype::I8, safetensors::Dtype::I8),
    (Dtype::U32, safetensors::Dtype::U32),
    (Dtype::U16, safetensors::Dtype::U16),
    (Dtype::U8, safetensors::Dtype::U8),
    (Dtype::Bool, safetensors::Dtype::BOOL),
];

fn dtype(name: &str, stored: safetensors::Dtype) -> Result<Dtype> {
    match DTYPES.iter().find(|(_, other)| *other == stored) {
        Some((dtype, _)) => Ok(*dtype),
        None => bail!("the tensor {name} has the number type {stored}, which this program does not read"),
    }
}

/// The `data_offsets` of each tensor of a header. The crate adds up offsets before it compares them with the file's
/// length, and keeps the last of two entries of one name; both are settled here first.
struct Offsets(Vec<(String, (u64, u64))>);

#[derive(serde::Deserialize)]
struct Entry {
    data_offsets: (u64, u64),
}

impl<'de> serde::Deserialize<'de> for Offsets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Header;
        impl<'de> Visitor<'de> for Header {
            type Value = Offsets;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a safetensors header")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Offsets, A::Error> {
                let mut seen = HashSet::new();
                let mut offsets = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!("the name {name} occurs twice")));
                    }
                    if name == "__metadata__" {
                        map.next_value::<serde::de::IgnoredAny>()?;
                    } else {
                        offsets.push((name, map.next_value::<Entry>()?.data_offsets));
                    }
                }
                Ok(Offsets(offsets))
            }
        }
        deserializer.deserialize_map(Header)
    }
}

/// How the numbers of our files are stored; see [`super::model_file`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Lossless,
    Compact,
}

/// The tensors of a file that is being written.
pub(super) struct Parts {
    pub precision: Precision,
    parts: Vec<(String, Part)>,
}

struct Part {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl safetensors::View for Part {
    fn dtype(&self) -> safetensors::Dtype {
        DTYPES.iter().find(|(dtype, _)| *dtype == self.dtype).expect("every type is listed").1
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Parts {
    pub fn new(precision: Precision) -> Parts {
        Parts { precision, parts: Vec::new() }
    }

    pub fn add(&mut self, name: String, dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) {
        self.parts.push((name, Part { dtype, shape, bytes }));
    }

    pub fn floats(&mut self, name: String, shape: Vec<usize>, numbers: &[f32]) {
        let (dtype, bytes) = match self.precision {
            Precision::Lossless => (Dtype::F32, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
            Precision::Compact => compact::floats(numbers),
        };
        self.add(name, dtype, shape, bytes);
    }

    /// The bytes of the file, with one entry of metadata: `header` as JSON.
    pub fn finish(self, entry: &str, header: &impl Serialize) -> Result<Vec<u8>> {
        match serde_json::to_string(header) {
            Ok(text) => self.serialize(Some([(entry.to_string(), text)].into())),
            Err(error) => bail!("the file's header cannot be written as JSON: {error}"),
        }
    }

    fn serialize(self, metadata: Option<HashMap<String, String>>) -> Result<Vec<u8>> {
        match safetensors::serialize(self.parts, metadata) {
            Ok(bytes) => Ok(bytes),
            Err(error) => bail!("the file cannot be written: {error}"),
        }
    }
}

/// The bytes of a safetensors file of f32 matrices: name, `[rows, cols]` and row-major numbers of each.
///
/// # Errors
/// When the `safetensors` crate refuses a tensor.
pub fn write_floats<'a>(
    tensors: impl IntoIterator<Item = (String, [usize; 2], &'a [f32])>,
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>> {
    let mut parts = Parts::new(Precision::Lossless);
    for (name, shape, numbers) in tensors {
        parts.floats(name, shape.to_vec(), numbers);
    }
    parts.serialize(metadata)
}
