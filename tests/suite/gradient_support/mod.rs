//! The engine's gradients under the names that the reference uses, and how near they must be.

#![allow(dead_code)] // each test uses a part

use sparse_circuits::model::Params;
use sparse_circuits::tensor::Matrix;
use std::collections::BTreeMap;

/// Largest error over the largest gradient of the tensor.
const TOLERANCE: f64 = 1e-5;

/// q, k and v are compared as one tensor. Without a sink the loss does not depend on the bias of k, as softmax ignores a shift of
/// all scores: the errors of its gradient of zero are measured by the other two.
pub fn stacked_name(name: &str) -> String {
    [".q.", ".k.", ".v."].iter().fold(name.to_string(), |name, part| name.replace(part, ".qkv."))
}

/// Every parameter's gradient under its name, with q, k and v stacked.
pub fn named<G>(gradients: &Params<G, G>, mut read: impl FnMut(&G) -> Matrix) -> BTreeMap<String, Matrix> {
    let mut named: BTreeMap<String, Matrix> = BTreeMap::new();
    for (info, gradient) in gradients.iter() {
        let part = read(gradient.into_inner());
        let whole = named.entry(stacked_name(&info.to_string())).or_insert_with(|| Matrix::zeros(0, part.cols));
        whole.rows += part.rows;
        whole.data.extend(part.data);
    }
    named
}

/// The reference's gradients, with q, k and v stacked.
pub fn stacked(gradients: Vec<(String, Vec<Vec<f64>>)>) -> Vec<(String, Vec<Vec<f64>>)> {
    let mut stacked: Vec<(String, Vec<Vec<f64>>)> = Vec::new();
    for (name, rows) in gradients {
        let name = stacked_name(&name);
        match stacked.iter_mut().find(|(other, _)| *other == name) {
            Some((_, whole)) => whole.extend(rows),
            None => stacked.push((name, rows)),
        }
    }
    stacked
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
