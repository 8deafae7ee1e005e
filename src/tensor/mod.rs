//! Host-side numbers: activations in token panels, sparse (CSR) and dense matrices. No model knowledge here.

mod activations;
mod matrix;
mod sparse;
mod weight_matrix;

pub use activations::{Activations, PANEL};
pub use matrix::Matrix;
pub use sparse::SparseMatrix;
pub use weight_matrix::WeightMatrix;
