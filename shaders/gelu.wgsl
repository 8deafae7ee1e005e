// Precedes activate and activate_backward. KIND: 0 = ReLU, 1 = exact GELU.

override KIND: u32;

/// erf(x) and exp(-x^2); absolute error below 5e-7 in f32 (Abramowitz and Stegun 7.1.26).
fn erf(x: f32) -> vec2f {
    let t = 1.0 / (0.3275911 * abs(x) + 1.0);
    let p = (((1.0614054 * t - 1.453152) * t + 1.4214137) * t - 0.28449674) * t + 0.2548296;
    let e = exp(-x * x);
    return vec2f(select(-1.0, 1.0, x > 0.0) * (1.0 - p * t * e), e);
}
