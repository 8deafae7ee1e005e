//! Tensors of a pickle: views of storages, which are separate entries of the file.

use crate::format::Dtype;
use crate::{Result, bail};

/// Dimensions of a tensor.
pub(super) const MAX_DIMENSIONS: usize = 8;

/// A view of a storage, checked to be inside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// In elements.
    stride: Vec<usize>,
    /// In elements.
    offset: usize,
    storage: &'a [u8],
}

impl<'a> Tensor<'a> {
    /// `shape`, `stride` and `offset` in elements of `storage`.
    ///
    /// # Errors
    /// When the view reaches outside its storage, or repeats elements (with stride 0 it could claim any size).
    pub(super) fn new(
        dtype: Dtype,
        shape: Vec<usize>,
        stride: Vec<usize>,
        offset: usize,
        storage: &'a [u8],
    ) -> Result<Self> {
        let elements = storage.len() / dtype.size();
        if shape.len() == stride.len() && shape.len() <= MAX_DIMENSIONS {
            // One past the last element that the view reaches; a view of nothing reaches nothing.
            let reach = || {
                shape.iter().zip(&stride).try_fold(offset.checked_add(1)?, |reach, (&size, &stride)| {
                    reach.checked_add((size - 1).checked_mul(stride)?)
                })
            };
            match shape.iter().try_fold(1usize, |len, &size| len.checked_mul(size)) {
                Some(0) => return Ok(Tensor { dtype, shape, stride, offset: 0, storage }),
                Some(len) if len <= elements && reach().is_some_and(|reach| reach <= elements) => {
                    return Ok(Tensor { dtype, shape, stride, offset, storage });
                }
                _ => {}
            }
        }
        bail!(
            "a tensor of shape {shape:?}, strides {stride:?} and offset {offset} reaches outside its storage of {elements} elements"
        );
    }

    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements' bytes, row-major; borrowed where the tensor is contiguous.
    pub fn to_bytes(&self) -> std::borrow::Cow<'a, [u8]> {
        let size = self.dtype.size();
        if self.is_contiguous() {
            return self.storage[self.offset * size..][..self.len() * size].into();
        }
        let mut bytes = Vec::with_capacity(self.len() * size);
        self.for_each_offset(|at| bytes.extend_from_slice(&self.storage[at * size..][..size]));
        bytes.into()
    }

    /// The elements as f64, row-major. Exact except for integers beyond 2^53.
    pub fn to_f64(&self) -> Vec<f64> {
        let size = self.dtype.size();
        let mut numbers = Vec::with_capacity(self.len());
        self.for_each_offset(|at| numbers.push(self.dtype.decode(&self.storage[at * size..][..size])));
        numbers
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.is_empty()
            || self.shape.iter().zip(&self.stride).rev().all(|(&size, &stride)| {
                let fits = size == 1 || stride == expected;
                expected *= size;
                fits
            })
    }

    fn for_each_offset(&self, mut visit: impl FnMut(usize)) {
        let mut index = vec![0; self.shape.len()];
        for _ in 0..self.len() {
            visit(self.offset + index.iter().zip(&self.stride).map(|(index, stride)| index * stride).sum::<usize>());
            for (at, size) in index.iter_mut().zip(&self.shape).rev() {
                *at += 1;
                if *at < *size {
                    break;
                }
                *at = 0;
            }
        }
    }
}
