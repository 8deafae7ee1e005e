//! Compressed sparse rows.

use super::Matrix;
use crate::{Result, bail};

/// `rows` x `cols` in CSR: row `r` holds the entries `indptr[r]..indptr[r + 1]` of `indices` (columns, ascending) and `values`.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMatrix {
    rows: usize,
    cols: usize,
    indptr: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl SparseMatrix {
    /// Checks every invariant, so it accepts unchecked content of a file.
    ///
    /// # Errors
    /// The invariant that does not hold: lengths, a decreasing `indptr`, a column out of range or out of order.
    pub fn new(rows: usize, cols: usize, indptr: Vec<u32>, indices: Vec<u32>, values: Vec<f32>) -> Result<Self> {
        if cols > u32::MAX as usize || indices.len() > u32::MAX as usize {
            bail!("a sparse matrix of {rows} x {cols} with {} entries is too large", indices.len());
        }
        if indptr.len() != rows + 1 || indptr[0] != 0 || indptr[rows] as usize != indices.len() {
            bail!("the row pointers of a sparse matrix do not fit its {rows} rows and {} entries", indices.len());
        }
        if indices.len() != values.len() {
            bail!("a sparse matrix has {} columns but {} values", indices.len(), values.len());
        }
        for row in 0..rows {
            let (start, end) = (indptr[row] as usize, indptr[row + 1] as usize);
            if start > end || end > indices.len() {
                bail!("the row pointers of a sparse matrix decrease at row {row}");
            }
            let columns = &indices[start..end];
            if columns.windows(2).any(|pair| pair[0] >= pair[1]) || columns.last().is_some_and(|&c| c as usize >= cols)
            {
                bail!("row {row} of a sparse matrix has columns out of order or beyond {cols}");
            }
        }
        Ok(SparseMatrix { rows, cols, indptr, indices, values })
    }

    /// The nonzero entries of a dense matrix.
    pub fn from_dense(dense: &Matrix) -> Self {
        let mut out = SparseMatrix {
            rows: dense.rows,
            cols: dense.cols,
            indptr: Vec::with_capacity(dense.rows + 1),
            indices: Vec::new(),
            values: Vec::new(),
        };
        out.indptr.push(0);
        for row in 0..dense.rows {
            for (col, &value) in dense.row(row).iter().enumerate() {
                if value != 0.0 {
                    out.indices.push(col as u32);
                    out.values.push(value);
                }
            }
            out.indptr.push(out.indices.len() as u32);
        }
        out
    }

    pub fn to_dense(&self) -> Matrix {
        let mut dense = Matrix::zeros(self.rows, self.cols);
        for row in 0..self.rows {
            for (col, value) in self.row(row) {
                dense.data[row * self.cols + col] = value;
            }
        }
        dense
    }

    pub fn transpose(&self) -> Self {
        let mut indptr = vec![0u32; self.cols + 1];
        for &col in &self.indices {
            indptr[col as usize + 1] += 1;
        }
        for col in 0..self.cols {
            indptr[col + 1] += indptr[col];
        }
        let mut next = indptr.clone();
        let mut indices = vec![0u32; self.indices.len()];
        let mut values = vec![0.0; self.values.len()];
        for row in 0..self.rows {
            for (col, value) in self.row(row) {
                let at = next[col] as usize;
                next[col] += 1;
                indices[at] = row as u32;
                values[at] = value;
            }
        }
        SparseMatrix { rows: self.cols, cols: self.rows, indptr, indices, values }
    }

    /// Rows `from..to` as a new matrix.
    pub fn slice_rows(&self, from: usize, to: usize) -> Self {
        let (start, end) = (self.indptr[from] as usize, self.indptr[to] as usize);
        SparseMatrix {
            rows: to - from,
            cols: self.cols,
            indptr: self.indptr[from..=to].iter().map(|p| p - start as u32).collect(),
            indices: self.indices[start..end].to_vec(),
            values: self.values[start..end].to_vec(),
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    pub fn nonzeros(&self) -> usize {
        self.values.len()
    }

    pub fn indptr(&self) -> &[u32] {
        &self.indptr
    }

    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The entries of a row as `(column, value)`, columns ascending.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let range = self.indptr[row] as usize..self.indptr[row + 1] as usize;
        self.indices[range.clone()].iter().zip(&self.values[range]).map(|(&col, &value)| (col as usize, value))
    }

    /// The value of an entry, 0 where nothing is stored.
    pub fn get(&self, row: usize, col: usize) -> f32 {
        let (start, end) = (self.indptr[row] as usize, self.indptr[row + 1] as usize);
        match self.indices[start..end].binary_search(&(col as u32)) {
            Ok(at) => self.values[start + at],
            Err(_) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Matrix {
        Matrix::new(3, 4, vec![0., 1., 0., 2., 0., 0., 0., 0., 3., 0., -4., 0.])
    }

    #[test]
    fn dense_round_trip_and_transpose() {
        let sparse = SparseMatrix::from_dense(&example());
        assert_eq!(sparse.to_dense(), example());
        assert_eq!(sparse.nonzeros(), 4);
        assert_eq!(sparse.transpose().transpose(), sparse);
        assert_eq!(sparse.transpose().get(2, 2), -4.0);
        assert_eq!(sparse.slice_rows(2, 3).to_dense().data, &example().data[8..]);
    }

    #[test]
    fn wrong_parts_are_rejected() {
        let new = |indptr: &[u32], indices: &[u32]| {
            SparseMatrix::new(2, 3, indptr.to_vec(), indices.to_vec(), vec![1.0; indices.len()])
        };
        assert!(new(&[0, 1, 3], &[2, 0, 1]).is_ok());
        assert!(new(&[0, 1], &[2]).is_err(), "too few row pointers");
        assert!(new(&[0, 4, 3], &[2, 0, 1]).is_err(), "falling row pointers");
        assert!(new(&[0, 1, 3], &[2, 1, 1]).is_err(), "a column twice");
        assert!(new(&[0, 1, 3], &[2, 0, 3]).is_err(), "a column out of range");
    }
}
