//! The attention of a single query, for those who need its weights or have its keys in a cache. The op over whole batches is
//! [`crate::backend::Backend::attention`].

/// The weights of one head from `query` to each key, and that of the sink: the softmax of `q k / sqrt(d_head)` with the sink's logit
/// in the denominator (Gao et al. 2025, A.1). The sink's weight is 0 where there is none.
pub fn attention_weights<K: AsRef<[f32]>>(
    query: &[f32],
    keys: impl Iterator<Item = K>,
    sink: Option<f32>,
) -> (Vec<f32>, f32) {
    let scale = (query.len() as f64).sqrt();
    let dot = |key: &[f32]| query.iter().zip(key).map(|(&q, &k)| q as f64 * k as f64).sum::<f64>();
    let mut scores: Vec<f64> = keys.map(|key| dot(key.as_ref()) / scale).collect();
    let sink = sink.map(f64::from);
    let max = scores.iter().copied().chain(sink).fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = (*score - max).exp());
    let sink = sink.map_or(0.0, |sink| (sink - max).exp());
    let sum = scores.iter().sum::<f64>() + sink;
    (scores.into_iter().map(|score| (score / sum) as f32).collect(), (sink / sum) as f32)
}
