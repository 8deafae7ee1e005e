//! The reference's parameters: every tensor as plain rows of numbers.

use super::{Rows, Scalar};
use sparse_circuits::model::{self, Tensor, Weights};

pub type Params<T> = model::Params<Rows<T>, Vec<T>>;
pub type LinearParams<T> = model::Linear<Rows<T>, Vec<T>>;
pub type NormParams<T> = model::Norm<Vec<T>>;

pub fn params<T: Scalar>(weights: &Weights) -> Params<T> {
    let number = |&value: &f32| T::new(value as f64);
    weights.map(|_, tensor| match tensor {
        Tensor::Matrix(matrix) => {
            let dense = matrix.to_dense();
            Tensor::Matrix((0..dense.rows).map(|row| dense.row(row).iter().map(number).collect()).collect())
        }
        Tensor::Vector(vector) => Tensor::Vector(vector.iter().map(number).collect()),
    })
}

/// Every parameter tensor as rows, by its name; a vector is one row.
pub fn named_mut<T>(params: &mut Params<T>) -> Vec<(String, Vec<&mut Vec<T>>)> {
    let rows = params.iter_mut().map(|(info, tensor)| match tensor {
        Tensor::Matrix(rows) => (info.to_string(), rows.iter_mut().collect()),
        Tensor::Vector(vector) => (info.to_string(), vec![vector]),
    });
    rows.collect()
}
