//! The number types of tensor files, and their conversion to f32.

use crate::{Result, bail};
use half::{bf16, f16};

/// The element type of a stored tensor; little-endian throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U32,
    U16,
    U8,
    Bool,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Dtype::F64 | Dtype::I64 => 8,
            Dtype::F32 | Dtype::I32 | Dtype::U32 => 4,
            Dtype::F16 | Dtype::BF16 | Dtype::I16 | Dtype::U16 => 2,
            Dtype::I8 | Dtype::U8 | Dtype::Bool => 1,
        }
    }

    /// As torch calls it.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F64 => "float64",
            Dtype::F32 => "float32",
            Dtype::F16 => "float16",
            Dtype::BF16 => "bfloat16",
            Dtype::I64 => "int64",
            Dtype::I32 => "int32",
            Dtype::I16 => "int16",
            Dtype::I8 => "int8",
            Dtype::U32 => "uint32",
            Dtype::U16 => "uint16",
            Dtype::U8 => "uint8",
            Dtype::Bool => "bool",
        }
    }

    pub fn is_float(self) -> bool {
        matches!(self, Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16)
    }

    /// One element, [`Dtype::size`] bytes, as f64. Exact except for integers beyond 2^53.
    pub(super) fn decode(self, bytes: &[u8]) -> f64 {
        match self {
            Dtype::F64 => f64::from_le_bytes(array(bytes)),
            Dtype::F32 => f32::from_le_bytes(array(bytes)) as f64,
            Dtype::F16 => f16::from_le_bytes(array(bytes)).to_f64(),
            Dtype::BF16 => bf16::from_le_bytes(array(bytes)).to_f64(),
            Dtype::I64 => i64::from_le_bytes(array(bytes)) as f64,
            Dtype::I32 => i32::from_le_bytes(array(bytes)) as f64,
            Dtype::I16 => i16::from_le_bytes(array(bytes)) as f64,
            Dtype::I8 => i8::from_le_bytes(array(bytes)) as f64,
            Dtype::U32 => u32::from_le_bytes(array(bytes)) as f64,
            Dtype::U16 => u16::from_le_bytes(array(bytes)) as f64,
            Dtype::U8 => bytes[0] as f64,
            Dtype::Bool => (bytes[0] != 0) as u8 as f64,
        }
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller passes one element")
}

/// The floating-point numbers in `bytes` as f32; `name` is the tensor's, for the error.
///
/// # Errors
/// When the type is not a floating-point one, or a number is not finite (as f32).
pub(super) fn finite_f32s(name: &str, dtype: Dtype, bytes: &[u8]) -> Result<Vec<f32>> {
    fn convert<const N: usize>(bytes: &[u8], decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.chunks_exact(N).map(|one| decode(array(one))).collect()
    }
    let numbers = match dtype {
        Dtype::F32 => convert(bytes, f32::from_le_bytes),
        Dtype::F64 => convert(bytes, |one| f64::from_le_bytes(one) as f32),
        Dtype::F16 => convert(bytes, |one| f16::from_le_bytes(one).to_f32()),
        Dtype::BF16 => convert(bytes, |one| bf16::from_le_bytes(one).to_f32()),
        other => bail!("the tensor {name} holds {} numbers where floating-point numbers are expected", other.name()),
    };
    check_finite(name, &numbers)?;
    Ok(numbers)
}

pub(super) fn check_finite(name: &str, numbers: &[f32]) -> Result<()> {
    if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
        bail!("the tensor {name} holds a number that is not finite ({}, element {at})", numbers[at]);
    }
    Ok(())
}

/// The non-negative integers in `bytes` (row pointers, columns, counts) as u32.
pub(super) fn indices(name: &str, dtype: Dtype, bytes: &[u8]) -> Result<Vec<u32>> {
    let wide = |one: i64| match u32::try_from(one) {
        Ok(index) => Ok(index),
        Err(_) => bail!("the tensor {name} holds {one} where an index is expected"),
    };
    match dtype {
        Dtype::U8 => Ok(bytes.iter().map(|&one| one as u32).collect()),
        Dtype::U16 => Ok(bytes.chunks_exact(2).map(|one| u16::from_le_bytes(array(one)) as u32).collect()),
        Dtype::U32 => Ok(bytes.chunks_exact(4).map(|one| u32::from_le_bytes(array(one))).collect()),
        Dtype::I32 => bytes.chunks_exact(4).map(|one| wide(i32::from_le_bytes(array(one)) as i64)).collect(),
        Dtype::I64 => bytes.chunks_exact(8).map(|one| wide(i64::from_le_bytes(array(one)))).collect(),
        other => bail!("the tensor {name} holds {} numbers where indices are expected", other.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_of_every_width_decode() {
        assert_eq!(finite_f32s("x", Dtype::F16, &f16::from_f32(1.5).to_le_bytes()).unwrap(), [1.5]);
        assert_eq!(finite_f32s("x", Dtype::BF16, &bf16::from_f32(-2.0).to_le_bytes()).unwrap(), [-2.0]);
        assert_eq!(finite_f32s("x", Dtype::F64, &0.25f64.to_le_bytes()).unwrap(), [0.25]);
        assert_eq!(finite_f32s("x", Dtype::F32, &(-0.0f32).to_le_bytes()).unwrap()[0].to_bits(), (-0.0f32).to_bits());
    }

    #[test]
    fn non_finite_floats_are_rejected() {
        for (dtype, bytes) in [
            (Dtype::F32, f32::NAN.to_le_bytes().to_vec()),
            (Dtype::F32, f32::INFINITY.to_le_bytes().to_vec()),
            (Dtype::F16, f16::NEG_INFINITY.to_le_bytes().to_vec()),
            (Dtype::F64, 1e300f64.to_le_bytes().to_vec()),
            (Dtype::I32, 1i32.to_le_bytes().to_vec()),
        ] {
            let error = finite_f32s("some.weight", dtype, &bytes).unwrap_err().to_string();
            assert!(error.contains("some.weight"), "{error}");
        }
        assert!(indices("x", Dtype::I32, &(-1i32).to_le_bytes()).is_err());
        assert!(indices("x", Dtype::I64, &(1i64 << 40).to_le_bytes()).is_err());
        assert!(indices("x", Dtype::F32, &[0; 4]).is_err());
    }
}
