//! ReLU and exact GELU.

use super::Cpu;
use super::simd::{Arith, Lanes, kernel};
use crate::backend::{Activate, Activation};
use crate::tensor::{Activations, PANEL};

impl Activate for Cpu {
    kernel! {
        fn activate<A>(&mut self, kind: Activation, x: &Activations, y: &mut Activations) {
            assert!(x.channels() == y.channels() && x.tokens() == y.tokens());
            for (x, y) in x.data().chunks_exact(PANEL).zip(y.data_mut().chunks_exact_mut(PANEL)) {
                let x = Lanes::load(x);
                let out = match kind {
                    Activation::Relu => x.max(Lanes::zero()),
                    Activation::Gelu => {
                        let (erf, _) = erf::<A>(x.mul(Lanes::splat(std::f32::consts::FRAC_1_SQRT_2)));
                        x.mul(Lanes::splat(0.5)).mul(erf.add(Lanes::splat(1.0)))
                    }
                };
                out.store(y);
            }
        }
    }

    kernel! {
        fn activate_backward<A>(&mut self, kind: Activation, x: &Activations, grad: &mut Activations) {
            assert!(x.channels() == grad.channels() && x.tokens() == grad.tokens());
            for (x, grad) in x.data().chunks_exact(PANEL).zip(grad.data_mut().chunks_exact_mut(PANEL)) {
                let x = Lanes::load(x);
                let g = Lanes::load(grad);
                let out = match kind {
                    Activation::Relu => g.where_greater(x, Lanes::zero()),
                    Activation::Gelu => {
                        let (erf, exp) = erf::<A>(x.mul(Lanes::splat(std::f32::consts::FRAC_1_SQRT_2)));
                        let cdf = erf.add(Lanes::splat(1.0)).mul(Lanes::splat(0.5));
                        let density = exp.mul(Lanes::splat(0.398_942_3));
                        g.mul(x.mul_add::<A>(density, cdf))
                    }
                };
                out.store(grad);
            }
        }
    }
}

/// `erf(x)`, absolute error below 5e-7 in f32 (Abramowitz and Stegun 7.1.26; the formula's own error is 1.5e-7).
/// Returns also `exp(-x^2)`, which the derivative of GELU needs.
#[inline(always)]
fn erf<A: Arith>(x: Lanes) -> (Lanes, Lanes) {
    let magnitude = x.abs();
    let one = Lanes::splat(1.0);
    let t = one.div(magnitude.mul_add::<A>(Lanes::splat(0.327_591_1), one));
    let mut p = Lanes::splat(1.061_405_4);
    for c in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        p = p.mul_add::<A>(t, Lanes::splat(c));
    }
    let exp = Lanes::zero().sub(x.mul(x)).exp::<A>();
    let positive = one.sub(p.mul(t).mul(exp));
    // the sign of x: +1 above zero, -1 else (erf(0) = 0 up to the error)
    let sign = x.greater(Lanes::zero()).mul_add::<A>(Lanes::splat(2.0), Lanes::splat(-1.0));
    (positive.mul(sign), exp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close};

    /// The naive reference: erf by its Taylor series in f64, good to 1e-10 for |x| <= 5.
    fn gelu(x: f64) -> f64 {
        let z = x / 2f64.sqrt();
        let (mut term, mut sum) = (z, z);
        for n in 1..200 {
            term *= -z * z / n as f64;
            sum += term / (2 * n + 1) as f64;
        }
        0.5 * x * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
    }

    #[test]
    fn agree_with_the_reference_forward_and_backward() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(7));
        for tokens in 1..=20 {
            let mut x = random.activations(9, tokens);
            for value in x.data_mut() {
                *value = (*value * 2.0).clamp(-5.0, 5.0);
            }
            let ones = Activations::from_rows(&vec![1.0; 9 * tokens], 9);
            for kind in [Activation::Relu, Activation::Gelu] {
                let f = |x: f64| if kind == Activation::Relu { x.max(0.0) } else { gelu(x) };
                let (mut y, mut dx) = (x.clone(), ones.clone());
                cpu.activate(kind, &x, &mut y);
                cpu.activate_backward(kind, &x, &mut dx);
                let rows = x.to_rows();
                let want: Vec<f32> = rows.iter().map(|x| f(*x as f64) as f32).collect();
                let slope: Vec<f32> =
                    rows.iter().map(|&x| ((f(x as f64 + 1e-6) - f(x as f64 - 1e-6)) / 2e-6) as f32).collect();
                close(&y.to_rows(), &want, 1e-6);
                close(&dx.to_rows(), &slope, 2e-6);
            }
        }
    }
}
