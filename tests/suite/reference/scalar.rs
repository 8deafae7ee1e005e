//! Numbers that the reference computes with: f32, f64, and f64 with derivatives carried along (dual numbers).

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

pub trait Scalar:
    Copy
    + Debug
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// A constant, rounded to this type.
    fn new(value: f64) -> Self;
    fn value(self) -> f64;
    /// Whether the number and its derivatives vanish, so that a product with it can be left out.
    fn is_zero(self) -> bool;
    fn exp(self) -> Self;
    fn ln(self) -> Self;
    fn sqrt(self) -> Self;
    fn erf(self) -> Self;
    fn tanh(self) -> Self;
}

impl Scalar for f32 {
    fn new(value: f64) -> f32 {
        value as f32
    }
    fn value(self) -> f64 {
        self as f64
    }
    fn is_zero(self) -> bool {
        self == 0.0
    }
    fn exp(self) -> f32 {
        libm::expf(self)
    }
    fn ln(self) -> f32 {
        libm::logf(self)
    }
    fn sqrt(self) -> f32 {
        libm::sqrtf(self)
    }
    fn erf(self) -> f32 {
        libm::erff(self)
    }
    fn tanh(self) -> f32 {
        libm::tanhf(self)
    }
}

impl Scalar for f64 {
    fn new(value: f64) -> f64 {
        value
    }
    fn value(self) -> f64 {
        self
    }
    fn is_zero(self) -> bool {
        self == 0.0
    }
    fn exp(self) -> f64 {
        libm::exp(self)
    }
    fn ln(self) -> f64 {
        libm::log(self)
    }
    fn sqrt(self) -> f64 {
        libm::sqrt(self)
    }
    fn erf(self) -> f64 {
        libm::erf(self)
    }
    fn tanh(self) -> f64 {
        libm::tanh(self)
    }
}

/// A number and its derivatives with respect to `N` variables (forward-mode differentiation); a constant has none.
#[derive(Clone, Copy, Debug)]
pub struct Dual<const N: usize> {
    pub value: f64,
    pub tangents: Option<[f64; N]>,
}

impl<const N: usize> Dual<N> {
    /// The variable of derivative number `index`.
    pub fn variable(value: f64, index: usize) -> Self {
        let mut tangents = [0.0; N];
        tangents[index] = 1.0;
        Dual { value, tangents: Some(tangents) }
    }

    /// `f(self)`, given the value of `f` and of its derivative.
    fn chain(self, value: f64, slope: f64) -> Self {
        Dual { value, tangents: self.tangents.map(|tangents| tangents.map(|tangent| slope * tangent)) }
    }
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl<const N: usize> AddAssign for Dual<N> {
    fn add_assign(&mut self, other: Self) {
        self.value += other.value;
        match (&mut self.tangents, other.tangents) {
            (Some(a), Some(b)) => (0..N).for_each(|i| a[i] += b[i]),
            (None, Some(b)) => self.tangents = Some(b),
            (_, None) => {}
        }
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let value = self.value * other.value;
        let by_self = self.chain(value, other.value);
        let by_other = other.chain(0.0, self.value);
        by_self + by_other
    }
}

impl<const N: usize> Div for Dual<N> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        self * other.chain(1.0 / other.value, -1.0 / (other.value * other.value))
    }
}

impl<const N: usize> Neg for Dual<N> {
    type Output = Self;
    fn neg(self) -> Self {
        self.chain(-self.value, -1.0)
    }
}

impl<const N: usize> Scalar for Dual<N> {
    fn new(value: f64) -> Self {
        Dual { value, tangents: None }
    }
    fn value(self) -> f64 {
        self.value
    }
    fn is_zero(self) -> bool {
        self.value == 0.0 && self.tangents.is_none()
    }
    fn exp(self) -> Self {
        let exp = libm::exp(self.value);
        self.chain(exp, exp)
    }
    fn ln(self) -> Self {
        self.chain(libm::log(self.value), 1.0 / self.value)
    }
    fn sqrt(self) -> Self {
        let root = libm::sqrt(self.value);
        self.chain(root, 0.5 / root)
    }
    fn erf(self) -> Self {
        let slope = std::f64::consts::FRAC_2_SQRT_PI * libm::exp(-self.value * self.value);
        self.chain(libm::erf(self.value), slope)
    }
    fn tanh(self) -> Self {
        let tanh = libm::tanh(self.value);
        self.chain(tanh, 1.0 - tanh * tanh)
    }
}
