//! The engine's gradients under the names that the reference uses, and how near they must be.

#![allow(dead_code)] // each test uses a part

use sparse_circuits::model::Params;
use sparse_circuits::tensor::Matrix;
use std::collections::BTreeMap;

/// Largest error over the largest gradient of the tensor.
const TOLERANCE: f64 = 1e-5;

/// Every parameter's gradient under its name.
pub fn named<G>(gradients: &Params<G, G>, mut read: impl FnMut(&G) -> Matrix) -> BTreeMap<String, Matrix> {
    gradients.iter().map(|(info, gradient)| (info.to_string(), read(gradient.into_inner()))).collect()
}

/// Entry by entry, against the largest of the tensor.
#[track_caller]
pub fn close(at: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{at}");
    let largest = want.iter().fold(0f64, |most, v| most.max(v.abs()));
    assert!(largest > 1e-4, "{at}: a gradient of next to nothing tests nothing");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let error = (got - want).abs() / largest;
        assert!(error <= TOLERANCE, "{at}, entry {i}: got {got}, want {want}, error {error:.1e} of the largest");
    }
}
