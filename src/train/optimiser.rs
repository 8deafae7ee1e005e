//! AdamW on gradients of RMS 1, and the projection that keeps each matrix sparse (Gao et al. 2025, A.2).

use super::config::TrainConfig;
use super::parameters::Parameter;
use crate::model::Role;
use crate::tensor::Matrix;
use rayon::prelude::*;

/// One step: gradients are divided by their global RMS, AdamW moves the weights, and every parameter keeps only its largest
/// magnitudes. Returns the RMS of the gradient.
pub fn step<'a>(
    config: &TrainConfig,
    parameters: impl Iterator<Item = &'a mut Parameter>,
    gradients: &[&mut Matrix],
    step: u64,
) -> f64 {
    // Collected first: a parallel sum would add in an order that depends on the threads.
    let squares: Vec<f64> =
        gradients.par_iter().map(|g| g.data.iter().map(|v| *v as f64 * *v as f64).sum::<f64>()).collect();
    let squares: f64 = squares.iter().sum();
    let count: usize = gradients.iter().map(|g| g.data.len()).sum();
    let rms = (squares / count as f64).sqrt();
    let inverse_rms = (1.0 / rms.max(1e-30)) as f32;
    let rate = config.learning_rate_at(step);
    let [beta1, beta2] = config.betas;
    let correction1 = 1.0 - beta1.powi(step as i32 + 1);
    let correction2 = 1.0 - beta2.powi(step as i32 + 1);
    let adam = Adam {
        inverse_rms,
        betas: [beta1 as f32, beta2 as f32],
        rate: (rate / correction1) as f32,
        inverse_sqrt_correction2: (1.0 / correction2.sqrt()) as f32,
        eps: config.eps as f32,
        decay: (rate * config.weight_decay) as f32,
    };
    let mut parameters: Vec<&mut Parameter> = parameters.collect();
    debug_assert_eq!(parameters.len(), gradients.len(), "a gradient for every parameter");
    parameters.par_iter_mut().zip(gradients.par_iter()).for_each(|(parameter, gradient)| {
        let chunk = 1 << 15;
        let Parameter { value, first_moment, second_moment, .. } = &mut **parameter;
        value
            .data
            .par_chunks_mut(chunk)
            .zip(first_moment.par_chunks_mut(chunk))
            .zip(second_moment.par_chunks_mut(chunk))
            .zip(gradient.data.par_chunks(chunk))
            .for_each(|(((value, first), second), gradient)| adam.update(value, first, second, gradient));
        project(config, parameter, step);
    });
    rms
}

struct Adam {
    inverse_rms: f32,
    betas: [f32; 2],
    rate: f32,
    inverse_sqrt_correction2: f32,
    eps: f32,
    decay: f32,
}

impl Adam {
    fn update(&self, value: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
        let [beta1, beta2] = self.betas;
        for (((w, m), v), g) in value.iter_mut().zip(first).zip(second).zip(gradient) {
            let g = g * self.inverse_rms;
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *w -= self.rate * *m / (v.sqrt() * self.inverse_sqrt_correction2 + self.eps) + self.decay * *w;
        }
    }
}

/// Zeroes all but the largest magnitudes of a parameter, as many as the schedule leaves it at `step`.
fn project(config: &TrainConfig, parameter: &mut Parameter, step: u64) {
    let size = parameter.value.data.len();
    let target = match parameter.role {
        Role::Read | Role::Write => config.density,
        Role::Embedding => config.embedding_density,
        Role::Bias => config.bias_density,
        Role::Positions | Role::Gain | Role::NormBias | Role::Sink | Role::Bridge => 1.0,
        Role::Bigram => (config.bigram_nonzeros as f64 / size as f64).min(1.0),
    };
    let keep = (config.density_at(step, target) * size as f64).round() as usize;
    if keep >= size {
        return;
    }
    let min_per_line = match parameter.role {
        Role::Read | Role::Write => config.min_nonzeros,
        _ => 0,
    };
    keep_largest(&mut parameter.value, keep, min_per_line, parameter.role == Role::Write);
}

/// Keeps the `keep` largest magnitudes of the matrix, and in any case the `min_per_line` largest of each row (or column).
fn keep_largest(matrix: &mut Matrix, keep: usize, min_per_line: usize, columns: bool) {
    let mut magnitudes: Vec<u32> = matrix.data.iter().map(|v| v.to_bits() & 0x7fff_ffff).collect();
    let size = magnitudes.len();
    if keep == 0 || keep >= size {
        return;
    }
    let threshold = *magnitudes.select_nth_unstable(size - keep).1;
    let (rows, cols) = (matrix.rows, matrix.cols);
    let (lines, length, across, along) = if columns { (cols, rows, 1, cols) } else { (rows, cols, cols, 1) };
    let mut line: Vec<u32> = Vec::with_capacity(length);
    for i in 0..lines {
        let at = |j: usize| i * across + j * along;
        let mut limit = threshold;
        if min_per_line > 0 {
            let above = (0..length).filter(|&j| matrix.data[at(j)].to_bits() & 0x7fff_ffff >= threshold).count();
            if above < min_per_line && min_per_line < length {
                line.clear();
                line.extend((0..length).map(|j| matrix.data[at(j)].to_bits() & 0x7fff_ffff));
                limit = *line.select_nth_unstable(length - min_per_line).1;
            }
        }
        for j in 0..length {
            let value = &mut matrix.data[at(j)];
            if value.to_bits() & 0x7fff_ffff < limit {
                *value = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::hundred_steps;
    use super::*;

    #[test]
    fn the_largest_stay_and_every_line_keeps_a_minimum() {
        let data: Vec<f32> = (0..60).map(|i| if i < 12 { 100.0 - i as f32 } else { -(i as f32) / 100.0 }).collect();
        let mut by_rows = Matrix::new(5, 12, data.clone());
        keep_largest(&mut by_rows, 12, 2, false);
        assert_eq!(
            (0..5).map(|r| by_rows.row(r).iter().filter(|v| **v != 0.0).count()).collect::<Vec<_>>(),
            [12, 2, 2, 2, 2]
        );
        assert_eq!((by_rows.get(4, 11), by_rows.get(4, 10), by_rows.get(4, 9)), (-0.59, -0.58, 0.0));
        let mut by_columns = Matrix::new(5, 12, data);
        keep_largest(&mut by_columns, 12, 2, true);
        for c in 0..12 {
            assert_eq!((0..5).filter(|&r| by_columns.get(r, c) != 0.0).count(), 2);
        }
    }

    /// AdamW as in its paper (Loshchilov and Hutter 2019, algorithm 2), in f64, on gradients divided by their RMS.
    #[test]
    fn steps_agree_with_the_formula() {
        let fields = serde_json::json!({"density": 1.0, "learning_rate": 0.5, "eps": 0.1, "weight_decay": 0.1});
        let config = hundred_steps(fields);
        let start = [1.0f32, -0.5, 0.25, 2.0];
        let mut parameter = Parameter::new("w".into(), Role::Read, Matrix::new(2, 2, start.to_vec()));
        let (mut w, mut m, mut v) = (start.map(f64::from), [0.0; 4], [0.0; 4]);
        for step in 0..6 {
            let gradient = [3.0, -1.0, 0.5, step as f32 - 2.0];
            let rms = (gradient.iter().map(|&g| f64::from(g * g)).sum::<f64>() / 4.0).sqrt();
            let rate = config.learning_rate_at(step);
            let t = step as i32 + 1;
            for i in 0..4 {
                let g = f64::from(gradient[i]) / rms;
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.95 * v[i] + 0.05 * g * g;
                let (m, v) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.95f64.powi(t)));
                w[i] -= rate * (m / (v.sqrt() + 0.1) + 0.1 * w[i]);
            }
            let mut gradient = Matrix::new(2, 2, gradient.to_vec());
            let got = super::step(&config, std::iter::once(&mut parameter), &[&mut gradient], step);
            assert!((got - rms).abs() < 1e-6, "step {step}: {got}, not {rms}");
            for (got, want) in parameter.value.data.iter().zip(w) {
                assert!((f64::from(*got) - want).abs() < 1e-5, "step {step}: {got}, not {want}");
            }
        }
    }

    #[test]
    fn a_step_moves_against_the_gradient_and_decays() {
        let adam = Adam {
            inverse_rms: 1.0,
            betas: [0.0, 0.0],
            rate: 0.5,
            inverse_sqrt_correction2: 1.0,
            eps: 1.0,
            decay: 0.1,
        };
        let (mut w, mut m, mut v) = ([1.0f32, 1.0], [0.0; 2], [0.0; 2]);
        adam.update(&mut w, &mut m, &mut v, &[0.0, 1.0]);
        assert_eq!(w, [0.9, 1.0 - 0.25 - 0.1]);
    }
}
