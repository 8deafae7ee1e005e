//! The compact parts of a model file: rows as gaps between columns, values as f16 or as small integers.

use crate::format::Dtype;
use crate::tensor::SparseMatrix;
use crate::{Result, bail};
use half::f16;

/// Rows of a sparse matrix as gaps. Row `r` has `counts[r]` entries. An entry's gap is its column minus the column
/// after the entry before it (the row starts at column 0). The largest code, 255 for u8 and 65535 for u16, skips
/// that many columns and does not make an entry.
pub struct DeltaIndices {
    pub counts: Vec<u32>,
    pub gaps: Vec<u16>,
    /// U8 or U16: whichever takes fewer bytes.
    pub dtype: Dtype,
}

fn skip(dtype: Dtype) -> u32 {
    if dtype == Dtype::U8 { u8::MAX as u32 } else { u16::MAX as u32 }
}

impl DeltaIndices {
    pub fn encode(matrix: &SparseMatrix) -> DeltaIndices {
        let codes = |dtype| -> usize { plain_gaps(matrix).map(|gap| (gap / skip(dtype)) as usize + 1).sum() };
        let dtype = if codes(Dtype::U8) <= 2 * codes(Dtype::U16) { Dtype::U8 } else { Dtype::U16 };
        let mut gaps = Vec::with_capacity(codes(dtype));
        for gap in plain_gaps(matrix) {
            gaps.extend(std::iter::repeat_n(skip(dtype) as u16, (gap / skip(dtype)) as usize));
            gaps.push((gap % skip(dtype)) as u16);
        }
        let counts = matrix.indptr().windows(2).map(|pair| pair[1] - pair[0]).collect();
        DeltaIndices { counts, gaps, dtype }
    }

    /// The rows of a matrix with `values.len()` entries.
    ///
    /// # Errors
    /// When counts, gaps and values do not fit each other or `cols`; `name` is the matrix, for the error.
    pub fn decode(self, name: &str, cols: usize, values: Vec<f32>) -> Result<SparseMatrix> {
        let skip = skip(self.dtype);
        let total: u64 = self.counts.iter().map(|&count| count as u64).sum();
        if total != values.len() as u64 {
            bail!("the matrix {name} counts {total} entries in its rows but has {} values", values.len());
        }
        let mut indptr = Vec::with_capacity(self.counts.len() + 1);
        let mut indices = Vec::with_capacity(values.len());
        let mut gaps = self.gaps.into_iter();
        indptr.push(0);
        for (row, count) in self.counts.iter().enumerate() {
            let mut column = 0u64;
            for _ in 0..*count {
                loop {
                    let Some(gap) = gaps.next() else {
                        bail!("the matrix {name} has fewer gaps than entries");
                    };
                    column += gap as u64;
                    if (gap as u32) < skip {
                        break;
                    }
                }
                if column >= cols as u64 {
                    bail!("row {row} of the matrix {name} has an entry beyond its {cols} columns");
                }
                indices.push(column as u32);
                column += 1;
            }
            indptr.push(indices.len() as u32);
        }
        if gaps.next().is_some() {
            bail!("the matrix {name} has more gaps than entries");
        }
        SparseMatrix::new(self.counts.len(), cols, indptr, indices, values)
    }
}

fn plain_gaps(matrix: &SparseMatrix) -> impl Iterator<Item = u32> + '_ {
    matrix.indptr().windows(2).flat_map(|row| {
        let mut next = 0;
        matrix.indices()[row[0] as usize..row[1] as usize].iter().map(move |&column| {
            let gap = column - next;
            next = column + 1;
            gap
        })
    })
}

/// Numbers in the smallest form that keeps their range: f16, or f32 where one of them is too large for f16.
pub fn floats(numbers: &[f32]) -> (Dtype, Vec<u8>) {
    if numbers.iter().all(|&number| f16::from_f32(number).is_finite()) {
        (Dtype::F16, numbers.iter().flat_map(|&number| f16::from_f32(number).to_le_bytes()).collect())
    } else {
        (Dtype::F32, numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }
}

/// What [`floats`] makes of a number.
pub fn rounded(numbers: &[f32]) -> Vec<f32> {
    match floats(numbers).0 {
        Dtype::F16 => numbers.iter().map(|&number| f16::from_f32(number).to_f32()).collect(),
        _ => numbers.to_vec(),
    }
}

/// `numbers[i]` is about `integers[i] * scale`; the product in f32 is what a reader gets.
pub struct Integers {
    pub integers: Vec<i8>,
    pub scale: f32,
}

impl Integers {
    /// Rounds to at most 127 steps on either side of zero. Numbers that already are multiples of one step, in that many
    /// steps, come back exactly as they were: what was read from a compact file can be written again without a loss.
    pub fn quantize(numbers: &[f32]) -> Integers {
        let largest = numbers.iter().fold(0.0f32, |largest, number| largest.max(number.abs()));
        let scale = (1..=127)
            .find_map(|steps| exact_scale(numbers, largest / steps as f32))
            .unwrap_or_else(|| coarse(largest / 127.0));
        let integers = numbers.iter().map(|number| (number / scale).round().clamp(-127.0, 127.0) as i8).collect();
        Integers { integers, scale }
    }

    pub fn numbers(&self) -> Vec<f32> {
        self.integers.iter().map(|&integer| integer as f32 * self.scale).collect()
    }
}

/// The scale near `scale` of which every number is a multiple, bit for bit, if there is one.
fn exact_scale(numbers: &[f32], scale: f32) -> Option<f32> {
    [scale, scale.next_down(), scale.next_up()].into_iter().find(|&scale| {
        scale > 0.0 && scale.is_finite() && numbers.iter().all(|&number| (number / scale).round() * scale == number)
    })
}

/// `scale` cut to 17 bits, so that a product with up to 127 is exact in f32, does not overflow, and can be recognised
/// by [`exact_scale`]. 1 for a scale of zero.
fn coarse(scale: f32) -> f32 {
    let short = f32::from_bits(scale.to_bits() & !0x7f);
    if short > 0.0 { short } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Matrix;

    fn matrix(rows: usize, cols: usize, at: impl Fn(usize, usize) -> bool) -> SparseMatrix {
        let data = (0..rows * cols).map(|i| if at(i / cols, i % cols) { 1.0 + i as f32 } else { 0.0 }).collect();
        SparseMatrix::from_dense(&Matrix::new(rows, cols, data))
    }

    fn round_trip(sparse: &SparseMatrix) -> DeltaIndices {
        let gaps = DeltaIndices::encode(sparse);
        let back = DeltaIndices { counts: gaps.counts.clone(), gaps: gaps.gaps.clone(), dtype: gaps.dtype };
        assert_eq!(&back.decode("m", sparse.cols(), sparse.values().to_vec()).unwrap(), sparse);
        gaps
    }

    #[test]
    fn gaps_round_trip_around_the_skip_code() {
        for first in [0, 1, 253, 254, 255, 256, 509, 510, 511, 765] {
            let gaps = round_trip(&matrix(2, 800, |row, col| row == 1 && (col == first || col == 799)));
            assert_eq!(gaps.counts, [0, 2]);
        }
        round_trip(&matrix(3, 5, |_, _| true));
        round_trip(&matrix(3, 5, |_, _| false));
    }

    #[test]
    fn very_sparse_rows_take_wide_gaps() {
        assert_eq!(round_trip(&matrix(4, 3000, |_, col| col % 1000 == 999)).dtype, Dtype::U16);
        assert_eq!(round_trip(&matrix(4, 3000, |_, col| col % 100 == 99)).dtype, Dtype::U8);
        round_trip(&matrix(2, 70_000, |row, col| row == 1 && col == 69_999));
    }

    #[test]
    fn parts_that_do_not_fit_are_rejected() {
        let decode = |counts: &[u32], gaps: &[u16], values: usize| {
            DeltaIndices { counts: counts.to_vec(), gaps: gaps.to_vec(), dtype: Dtype::U8 }.decode(
                "m",
                4,
                vec![1.0; values],
            )
        };
        assert!(decode(&[1, 1], &[3, 0], 2).is_ok());
        assert!(decode(&[1, 2], &[3, 0], 2).is_err(), "counts and values");
        assert!(decode(&[1, 1], &[3], 2).is_err(), "too few gaps");
        assert!(decode(&[1, 1], &[3, 0, 0], 2).is_err(), "too many gaps");
        assert!(decode(&[1, 1], &[4, 0], 2).is_err(), "beyond the columns");
        assert!(decode(&[1, 1], &[255, 255, 0], 2).is_err(), "skips without an end");
        assert!(decode(&[u32::MAX, u32::MAX], &[], 0).is_err(), "huge counts");
    }

    #[test]
    fn integers_keep_what_is_on_a_grid() {
        for step in [0.25f32, 0.1, 1.0 / 3.0, 7.3e-5, 1e-40] {
            for most in [1i32, 5, 20, 127] {
                let numbers: Vec<f32> = (-most..=most).map(|k| k as f32 * step).collect();
                assert_eq!(Integers::quantize(&numbers).numbers(), numbers, "{most} steps of {step}");
            }
        }
    }

    #[test]
    fn integers_are_near_and_writing_twice_changes_nothing() {
        let numbers: Vec<f32> = (0..1000).map(|i| ((i * 7919) % 1009) as f32 / 331.7 - 1.5).collect();
        let once = Integers::quantize(&numbers).numbers();
        for (a, b) in numbers.iter().zip(&once) {
            assert!((a - b).abs() <= 0.51 * 1.55 / 127.0, "{a} {b}");
        }
        assert_eq!(Integers::quantize(&once).numbers(), once);
        assert_eq!(Integers::quantize(&[0.0, 0.0]).numbers(), [0.0, 0.0]);
        assert!(Integers::quantize(&[]).integers.is_empty());
        assert!(Integers::quantize(&[f32::MAX, -f32::MAX]).numbers().iter().all(|number| number.is_finite()));
    }
}
