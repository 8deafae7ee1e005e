//! A weight matrix: dense or sparse.

use super::{Matrix, SparseMatrix};

/// A weight matrix, `rows` outputs x `cols` inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum WeightMatrix {
    Dense(Matrix),
    Sparse(SparseMatrix),
}

impl WeightMatrix {
    pub fn rows(&self) -> usize {
        match self {
            WeightMatrix::Dense(m) => m.rows,
            WeightMatrix::Sparse(m) => m.rows(),
        }
    }

    pub fn cols(&self) -> usize {
        match self {
            WeightMatrix::Dense(m) => m.cols,
            WeightMatrix::Sparse(m) => m.cols(),
        }
    }

    pub fn nonzeros(&self) -> usize {
        match self {
            WeightMatrix::Dense(m) => m.nonzeros(),
            WeightMatrix::Sparse(m) => m.nonzeros(),
        }
    }

    pub fn get(&self, row: usize, col: usize) -> f32 {
        match self {
            WeightMatrix::Dense(m) => m.get(row, col),
            WeightMatrix::Sparse(m) => m.get(row, col),
        }
    }

    pub fn to_dense(&self) -> Matrix {
        match self {
            WeightMatrix::Dense(m) => m.clone(),
            WeightMatrix::Sparse(m) => m.to_dense(),
        }
    }

    pub fn transpose(&self) -> WeightMatrix {
        match self {
            WeightMatrix::Dense(m) => WeightMatrix::Dense(m.transpose()),
            WeightMatrix::Sparse(m) => WeightMatrix::Sparse(m.transpose()),
        }
    }

    /// Rows `from..to` as a new matrix.
    pub fn slice_rows(&self, from: usize, to: usize) -> WeightMatrix {
        match self {
            WeightMatrix::Dense(m) => {
                WeightMatrix::Dense(Matrix::new(to - from, m.cols, m.data[from * m.cols..to * m.cols].to_vec()))
            }
            WeightMatrix::Sparse(m) => WeightMatrix::Sparse(m.slice_rows(from, to)),
        }
    }

    /// Dense when more than `threshold` of the entries are nonzero, sparse otherwise.
    pub fn compressed(dense: Matrix, threshold: f64) -> WeightMatrix {
        if dense.nonzeros() as f64 > threshold * (dense.rows * dense.cols) as f64 {
            WeightMatrix::Dense(dense)
        } else {
            WeightMatrix::Sparse(SparseMatrix::from_dense(&dense))
        }
    }
}
