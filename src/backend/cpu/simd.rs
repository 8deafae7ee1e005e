//! The SIMD types of every kernel: [`Lanes`] holds 16 numbers, one for each token of a panel.
//!
//! Natively `Lanes` is an array whose loops the compiler turns into AVX-512, AVX2 or NEON; the [`kernel!`] macro compiles each
//! kernel for each of them and picks at run time. On wasm it is four `v128` (simd128, one build).

// simd128 has no fused multiply-add.
#![cfg_attr(target_arch = "wasm32", allow(dead_code))]
// `a.add(b)`: operators would hide which operation a kernel fuses.
#![allow(clippy::should_implement_trait)]

use crate::tensor::PANEL;

/// Whether `a * b + c` is one instruction. Chosen by `kernel!`, so that no kernel calls a software fma.
pub trait Arith: Copy {
    fn mul_add(a: f32, b: f32, c: f32) -> f32;
}

#[derive(Clone, Copy)]
pub struct Fused;

#[derive(Clone, Copy)]
pub struct Plain;

impl Arith for Fused {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

impl Arith for Plain {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

/// Which instruction set the kernels use on this machine.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Avx512,
    Avx2,
    Sse2,
}

#[cfg(target_arch = "x86_64")]
#[inline]
pub fn level() -> Level {
    // std caches the detection
    if std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512vl") {
        Level::Avx512
    } else if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
        Level::Avx2
    } else {
        Level::Sse2
    }
}

/// Defines a kernel once and compiles it for each instruction set: `kernel! { fn name<A>(args) { body } }`, or a method
/// `fn name<A>(&mut self, args)`, whose body does not see `self`. Inside, `A: Arith` names the arithmetic to pass on to helpers (which
/// must be `#[inline(always)]`).
#[doc(hidden)]
#[macro_export]
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$arith:ident>(&mut self, $($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(&mut self, $($arg: $type),*) {
            $crate::kernel!(@compile $arith ($($arg: $type),*) $body)
        }
    };
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$arith:ident>($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($arg: $type),*) {
            $crate::kernel!(@compile $arith ($($arg: $type),*) $body)
        }
    };
    (@compile $arith:ident ($($arg:ident: $type:ty),*) $body:block) => {{
            #[inline(always)]
            #[allow(clippy::too_many_arguments, clippy::extra_unused_type_parameters)]
            fn body<$arith: $crate::backend::cpu::simd::Arith>($($arg: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                use $crate::backend::cpu::simd::{Fused, Level, Plain, level};
                #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx512($($arg: $type),*) {
                    body::<Fused>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx2($($arg: $type),*) {
                    body::<Fused>($($arg),*)
                }
                match level() {
                    // SAFETY: `level` has found these features on this processor.
                    Level::Avx512 => unsafe { avx512($($arg),*) },
                    Level::Avx2 => unsafe { avx2($($arg),*) },
                    Level::Sse2 => body::<Plain>($($arg),*),
                }
            }
            #[cfg(target_arch = "aarch64")]
            body::<$crate::backend::cpu::simd::Fused>($($arg),*);
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            body::<$crate::backend::cpu::simd::Plain>($($arg),*);
    }};
}
pub use kernel;

/// Keeps a loop over rows a loop over rows. Without it LLVM sees 16 plain numbers in a [`Lanes`], vectorizes over several rows and
/// gathers their numbers, which takes many times as long. It adds no instruction, but it also keeps loops from being unrolled.
/// [`Lanes::store`] has it; loops that store nothing call it where they need it.
#[inline(always)]
pub fn row_by_row() {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: nothing is executed.
    unsafe {
        std::arch::asm!("", options(nomem, nostack, preserves_flags));
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    use super::{Arith, PANEL, row_by_row};

    /// One number for each token of a panel.
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(64))]
    pub struct Lanes(pub [f32; PANEL]);

    macro_rules! lanewise {
        ($a:expr, $f:expr) => {{
            let mut out = [0.0f32; PANEL];
            let mut lane = 0;
            while lane < PANEL {
                out[lane] = $f(lane);
                lane += 1;
            }
            let _ = $a;
            Lanes(out)
        }};
    }

    /// An integer for each token of a panel: a count, or the bits of a magnitude, which order like the magnitudes.
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(64))]
    pub struct Bits([i32; PANEL]);

    impl Bits {
        #[inline(always)]
        fn each(f: impl Fn(usize) -> i32) -> Self {
            let mut out = [0; PANEL];
            for lane in 0..PANEL {
                out[lane] = f(lane);
            }
            Bits(out)
        }
        #[inline(always)]
        pub fn splat(value: i32) -> Self {
            Bits([value; PANEL])
        }
        #[inline(always)]
        pub fn array(self) -> [i32; PANEL] {
            self.0
        }
        #[inline(always)]
        pub fn from_array(array: [i32; PANEL]) -> Self {
            Bits(array)
        }
        /// One more where `a > b`.
        #[inline(always)]
        pub fn count_greater(self, a: Self, b: Self) -> Self {
            Bits::each(|i| self.0[i] + (a.0[i] > b.0[i]) as i32)
        }
        /// `self`, but 0 where it is above `bound`.
        #[inline(always)]
        pub fn up_to(self, bound: Self) -> Self {
            Bits::each(|i| if self.0[i] > bound.0[i] { 0 } else { self.0[i] })
        }
        #[inline(always)]
        pub fn max(self, b: Self) -> Self {
            Bits::each(|i| if self.0[i] > b.0[i] { self.0[i] } else { b.0[i] })
        }
        #[inline(always)]
        pub fn min(self, b: Self) -> Self {
            Bits::each(|i| if self.0[i] < b.0[i] { self.0[i] } else { b.0[i] })
        }
        #[inline(always)]
        pub fn xor(self, b: Self) -> Self {
            Bits::each(|i| self.0[i] ^ b.0[i])
        }
    }

    impl Lanes {
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Lanes([value; PANEL])
        }
        #[inline(always)]
        pub fn load(from: &[f32]) -> Self {
            let array: &[f32; PANEL] = from[..PANEL].try_into().unwrap();
            Lanes(*array)
        }
        #[inline(always)]
        pub fn store(self, to: &mut [f32]) {
            row_by_row();
            let array: &mut [f32; PANEL] = (&mut to[..PANEL]).try_into().unwrap();
            *array = self.0;
        }
        #[inline(always)]
        pub fn array(self) -> [f32; PANEL] {
            self.0
        }
        #[inline(always)]
        pub fn from_array(array: [f32; PANEL]) -> Self {
            Lanes(array)
        }
        #[inline(always)]
        pub fn add(self, b: Self) -> Self {
            lanewise!((), |i: usize| self.0[i] + b.0[i])
        }
        #[inline(always)]
        pub fn sub(self, b: Self) -> Self {
            lanewise!((), |i: usize| self.0[i] - b.0[i])
        }
        #[inline(always)]
        pub fn mul(self, b: Self) -> Self {
            lanewise!((), |i: usize| self.0[i] * b.0[i])
        }
        #[inline(always)]
        pub fn div(self, b: Self) -> Self {
            lanewise!((), |i: usize| self.0[i] / b.0[i])
        }
        /// `self * b + c`.
        #[inline(always)]
        pub fn mul_add<A: Arith>(self, b: Self, c: Self) -> Self {
            lanewise!((), |i: usize| A::mul_add(self.0[i], b.0[i], c.0[i]))
        }
        #[inline(always)]
        pub fn sqrt(self) -> Self {
            lanewise!((), |i: usize| self.0[i].sqrt())
        }
        #[inline(always)]
        pub fn abs(self) -> Self {
            lanewise!((), |i: usize| f32::from_bits(self.0[i].to_bits() & 0x7fff_ffff))
        }
        #[inline(always)]
        pub fn max(self, b: Self) -> Self {
            lanewise!((), |i: usize| if self.0[i] > b.0[i] { self.0[i] } else { b.0[i] })
        }
        #[inline(always)]
        pub fn min(self, b: Self) -> Self {
            lanewise!((), |i: usize| if self.0[i] < b.0[i] { self.0[i] } else { b.0[i] })
        }
        /// 1 where `self > b`, else 0.
        #[inline(always)]
        pub fn greater(self, b: Self) -> Self {
            lanewise!((), |i: usize| if self.0[i] > b.0[i] { 1.0 } else { 0.0 })
        }
        /// `self` where `a > b`, else 0.
        #[inline(always)]
        pub fn where_greater(self, a: Self, b: Self) -> Self {
            lanewise!((), |i: usize| if a.0[i] > b.0[i] { self.0[i] } else { 0.0 })
        }
        /// The bits of `|self|`.
        #[inline(always)]
        pub fn magnitude(self) -> Bits {
            Bits(self.0.map(|value| (value.to_bits() & 0x7fff_ffff) as i32))
        }
        /// `self` where `a > b`, else 0.
        #[inline(always)]
        pub fn where_above(self, a: Bits, b: Bits) -> Self {
            let (a, b) = (a.array(), b.array());
            lanewise!((), |i: usize| if a[i] > b[i] { self.0[i] } else { 0.0 })
        }
        /// `self` where `a != 0`, else 0.
        #[inline(always)]
        pub fn where_nonzero(self, a: Self) -> Self {
            lanewise!((), |i: usize| if a.0[i] != 0.0 { self.0[i] } else { 0.0 })
        }
        /// `2^n` for the integers that `self + 1.5 * 2^23` holds in its low bits.
        #[inline(always)]
        pub fn shifted_exponent(self) -> Self {
            lanewise!((), |i: usize| f32::from_bits((self.0[i].to_bits() << 23).wrapping_add(0x3f80_0000)))
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod lanes {
    use super::{Arith, PANEL};
    use core::arch::wasm32::*;

    /// One number for each token of a panel.
    #[derive(Clone, Copy, Debug)]
    pub struct Lanes([v128; 4]);

    macro_rules! each {
        ($f:expr) => {
            Lanes([$f(0), $f(1), $f(2), $f(3)])
        };
    }

    /// An integer for each token of a panel: a count, or the bits of a magnitude, which order like the magnitudes.
    #[derive(Clone, Copy, Debug)]
    pub struct Bits([v128; 4]);

    impl Bits {
        #[inline(always)]
        fn each(f: impl Fn(usize) -> v128) -> Self {
            Bits([f(0), f(1), f(2), f(3)])
        }
        #[inline(always)]
        pub fn splat(value: i32) -> Self {
            Bits([i32x4_splat(value); 4])
        }
        #[inline(always)]
        pub fn array(self) -> [i32; PANEL] {
            let mut out = [0; PANEL];
            for i in 0..4 {
                // SAFETY: the array has room for 16 numbers.
                unsafe { v128_store(out.as_mut_ptr().cast::<v128>().add(i), self.0[i]) }
            }
            out
        }
        #[inline(always)]
        pub fn from_array(array: [i32; PANEL]) -> Self {
            // SAFETY: as in `array`.
            Bits::each(|i| unsafe { v128_load(array.as_ptr().cast::<v128>().add(i)) })
        }
        /// One more where `a > b`.
        #[inline(always)]
        pub fn count_greater(self, a: Self, b: Self) -> Self {
            Bits::each(|i| i32x4_sub(self.0[i], i32x4_gt(a.0[i], b.0[i])))
        }
        /// `self`, but 0 where it is above `bound`.
        #[inline(always)]
        pub fn up_to(self, bound: Self) -> Self {
            Bits::each(|i| v128_andnot(self.0[i], i32x4_gt(self.0[i], bound.0[i])))
        }
        #[inline(always)]
        pub fn max(self, b: Self) -> Self {
            Bits::each(|i| i32x4_max(self.0[i], b.0[i]))
        }
        #[inline(always)]
        pub fn min(self, b: Self) -> Self {
            Bits::each(|i| i32x4_min(self.0[i], b.0[i]))
        }
        #[inline(always)]
        pub fn xor(self, b: Self) -> Self {
            Bits::each(|i| v128_xor(self.0[i], b.0[i]))
        }
    }

    impl Lanes {
        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Lanes([f32x4_splat(value); 4])
        }
        #[inline(always)]
        pub fn load(from: &[f32]) -> Self {
            let from = &from[..PANEL];
            let pointer = from.as_ptr().cast::<v128>();
            // SAFETY: the slice has 16 numbers; v128_load takes any alignment.
            each!(|i: usize| unsafe { v128_load(pointer.add(i)) })
        }
        #[inline(always)]
        pub fn store(self, to: &mut [f32]) {
            let to = &mut to[..PANEL];
            let pointer = to.as_mut_ptr().cast::<v128>();
            for i in 0..4 {
                // SAFETY: as in `load`.
                unsafe { v128_store(pointer.add(i), self.0[i]) }
            }
        }
        #[inline(always)]
        pub fn array(self) -> [f32; PANEL] {
            let mut out = [0.0; PANEL];
            self.store(&mut out);
            out
        }
        #[inline(always)]
        pub fn from_array(array: [f32; PANEL]) -> Self {
            Lanes::load(&array)
        }
        #[inline(always)]
        pub fn add(self, b: Self) -> Self {
            each!(|i: usize| f32x4_add(self.0[i], b.0[i]))
        }
        #[inline(always)]
        pub fn sub(self, b: Self) -> Self {
            each!(|i: usize| f32x4_sub(self.0[i], b.0[i]))
        }
        #[inline(always)]
        pub fn mul(self, b: Self) -> Self {
            each!(|i: usize| f32x4_mul(self.0[i], b.0[i]))
        }
        #[inline(always)]
        pub fn div(self, b: Self) -> Self {
            each!(|i: usize| f32x4_div(self.0[i], b.0[i]))
        }
        /// `self * b + c`.
        #[inline(always)]
        pub fn mul_add<A: Arith>(self, b: Self, c: Self) -> Self {
            each!(|i: usize| f32x4_add(f32x4_mul(self.0[i], b.0[i]), c.0[i]))
        }
        #[inline(always)]
        pub fn sqrt(self) -> Self {
            each!(|i: usize| f32x4_sqrt(self.0[i]))
        }
        #[inline(always)]
        pub fn abs(self) -> Self {
            each!(|i: usize| f32x4_abs(self.0[i]))
        }
        #[inline(always)]
        pub fn max(self, b: Self) -> Self {
            each!(|i: usize| f32x4_pmax(b.0[i], self.0[i]))
        }
        #[inline(always)]
        pub fn min(self, b: Self) -> Self {
            each!(|i: usize| f32x4_pmin(b.0[i], self.0[i]))
        }
        /// 1 where `self > b`, else 0.
        #[inline(always)]
        pub fn greater(self, b: Self) -> Self {
            let one = f32x4_splat(1.0);
            each!(|i: usize| v128_and(f32x4_gt(self.0[i], b.0[i]), one))
        }
        /// `self` where `a > b`, else 0.
        #[inline(always)]
        pub fn where_greater(self, a: Self, b: Self) -> Self {
            each!(|i: usize| v128_and(f32x4_gt(a.0[i], b.0[i]), self.0[i]))
        }
        /// The bits of `|self|`.
        #[inline(always)]
        pub fn magnitude(self) -> Bits {
            Bits::each(|i| f32x4_abs(self.0[i]))
        }
        /// `self` where `a > b`, else 0.
        #[inline(always)]
        pub fn where_above(self, a: Bits, b: Bits) -> Self {
            each!(|i: usize| v128_and(i32x4_gt(a.0[i], b.0[i]), self.0[i]))
        }
        /// `self` where `a != 0`, else 0.
        #[inline(always)]
        pub fn where_nonzero(self, a: Self) -> Self {
            let zero = f32x4_splat(0.0);
            each!(|i: usize| v128_and(f32x4_ne(a.0[i], zero), self.0[i]))
        }
        /// `2^n` for the integers that `self + 1.5 * 2^23` holds in its low bits.
        #[inline(always)]
        pub fn shifted_exponent(self) -> Self {
            let one = i32x4_splat(0x3f80_0000);
            each!(|i: usize| i32x4_add(i32x4_shl(self.0[i], 23), one))
        }
    }
}

pub use lanes::{Bits, Lanes};

/// The minimax polynomial of degree 5 for `2^x` (relative error, `|x| <= 1/2`).
const EXP2: [f32; 6] = [1.326_472_7e-3, 9.671_513e-3, 5.550_733_6e-2, 2.402_224_2e-1, 6.931_470_04e-1, 1.0];

impl Lanes {
    #[inline(always)]
    pub fn zero() -> Self {
        Lanes::splat(0.0)
    }

    /// The sum of all lanes.
    #[inline(always)]
    pub fn sum(self) -> f32 {
        let a = self.array();
        let mut pairs = [0.0f32; PANEL / 2];
        for i in 0..PANEL / 2 {
            pairs[i] = a[i] + a[i + PANEL / 2];
        }
        pairs.iter().sum()
    }

    /// `2^x` for `x < 127`, relative error below 3e-7; exactly 0 from -127 down.
    #[inline(always)]
    pub fn exp2<A: Arith>(self) -> Self {
        let magic = Lanes::splat(12_582_912.0);
        let x = self.max(Lanes::splat(-127.0));
        let shifted = x.add(magic);
        let r = x.sub(shifted.sub(magic));
        let mut p = Lanes::splat(EXP2[0]);
        for c in &EXP2[1..] {
            p = p.mul_add::<A>(r, Lanes::splat(*c));
        }
        p.mul(shifted.shifted_exponent())
    }

    /// `e^x`, relative error below 2e-7 for `-87 < x < 88`; below that the result of -87, never a denormal.
    /// Range reduction by `ln 2` in two parts, then a polynomial of degree 6 (Cephes `expf`).
    #[inline(always)]
    pub fn exp<A: Arith>(self) -> Self {
        let magic = Lanes::splat(12_582_912.0);
        let x = self.max(Lanes::splat(-87.0)).min(Lanes::splat(88.0));
        let shifted = x.mul_add::<A>(Lanes::splat(std::f32::consts::LOG2_E), magic);
        let n = shifted.sub(magic);
        let r = n.mul_add::<A>(Lanes::splat(-0.693_359_4), x);
        let r = n.mul_add::<A>(Lanes::splat(2.121_944_4e-4), r);
        let mut p = Lanes::splat(1.987_569_1e-4);
        for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5.000_000_1e-1] {
            p = p.mul_add::<A>(r, Lanes::splat(c));
        }
        let p = p.mul_add::<A>(r.mul(r), r).add(Lanes::splat(1.0));
        p.mul(shifted.shifted_exponent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close() {
        let mut x = -86.9f32;
        while x < 87.9 {
            let got = Lanes::splat(x).exp::<Plain>().array()[3] as f64;
            let want = (x as f64).exp();
            assert!((got / want - 1.0).abs() < 3e-7, "{x}: {got} {want}");
            x += 0.0137;
        }
        assert_eq!(Lanes::splat(0.0).exp::<Plain>().array()[0], 1.0);
        assert!(Lanes::splat(-1000.0).exp::<Plain>().array()[0] < 2e-38);
    }

    #[test]
    fn exp2_is_close() {
        let mut x = -125.9f32;
        while x < 126.9 {
            let got = Lanes::splat(x).exp2::<Plain>().array()[7] as f64;
            let want = (x as f64).exp2();
            assert!((got / want - 1.0).abs() < 3e-7, "{x}: {got} {want}");
            x += 0.0137;
        }
        assert_eq!(Lanes::splat(0.0).exp2::<Plain>().array()[0], 1.0);
        for x in [-127.0, -1e6, f32::NEG_INFINITY] {
            assert_eq!(Lanes::splat(x).exp2::<Plain>().array()[0], 0.0);
        }
    }
}
