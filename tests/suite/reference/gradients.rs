//! Gradients of a loss by dual numbers, a few variables at a time.

use super::{Dual, Edit, EditOp, Model, named_mut, params};
use sparse_circuits::model::{Hook, Weights};
use std::collections::BTreeMap;

/// Derivatives carried at once.
pub const TANGENTS: usize = 16;
pub type Number = Dual<TANGENTS>;

/// The gradient of `loss` by every parameter, as `(name, [row][column])`.
pub fn parameter_gradients(weights: &Weights, loss: impl Fn(&Model<Number>) -> Number) -> Vec<(String, Vec<Vec<f64>>)> {
    let mut model = Model::new(&weights.config, params::<Number>(weights));
    let shapes: Vec<(String, usize, usize)> =
        named_mut(&mut model.params).into_iter().map(|(name, rows)| (name, rows.len(), rows[0].len())).collect();
    let mut gradients = Vec::new();
    for (tensor, (name, rows, cols)) in shapes.into_iter().enumerate() {
        let mut gradient = vec![0.0; rows * cols];
        for (chunk, out) in gradient.chunks_mut(TANGENTS).enumerate() {
            let set = |model: &mut Model<Number>, variables: bool| {
                let tensor = &mut named_mut(&mut model.params)[tensor].1;
                for tangent in 0..out.len() {
                    let at = chunk * TANGENTS + tangent;
                    let entry = &mut tensor[at / cols][at % cols];
                    *entry = if variables {
                        Number::variable(entry.value, tangent)
                    } else {
                        Dual { tangents: None, ..*entry }
                    };
                }
            };
            set(&mut model, true);
            let loss = loss(&model);
            set(&mut model, false);
            out.copy_from_slice(&loss.tangents.unwrap_or_default()[..out.len()]);
        }
        gradients.push((name, gradient.chunks(cols).map(<[f64]>::to_vec).collect()));
    }
    gradients
}

/// The gradient of `loss` by every mask of `ablations`, which are all [`EditOp::MeanAblate`].
pub fn mask_gradients(
    weights: &Weights,
    ablations: &[Edit<Number>],
    loss: impl Fn(&Model<Number>, &[Edit<Number>]) -> Number,
) -> BTreeMap<Hook, Vec<f64>> {
    let model = Model::new(&weights.config, params::<Number>(weights));
    let mut gradients = BTreeMap::new();
    for (at, ablation) in ablations.iter().enumerate() {
        let EditOp::MeanAblate { mask, .. } = &ablation.op else { panic!("{} has no mean ablation", ablation.hook) };
        let mut gradient = vec![0.0; mask.len()];
        for (chunk, out) in gradient.chunks_mut(TANGENTS).enumerate() {
            let mut ablations = ablations.to_vec();
            if let EditOp::MeanAblate { mask, .. } = &mut ablations[at].op {
                for (tangent, m) in mask[chunk * TANGENTS..].iter_mut().take(out.len()).enumerate() {
                    *m = Number::variable(m.value, tangent);
                }
            }
            out.copy_from_slice(&loss(&model, &ablations).tangents.unwrap_or_default()[..out.len()]);
        }
        gradients.insert(ablation.hook, gradient);
    }
    gradients
}
