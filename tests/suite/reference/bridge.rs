//! A reference implementation of bridges, written as simply as possible (Gao et al. 2025, 2.3,
//! A.3).

use super::{LinearParams, Model, Rows, Scalar, linear, mean_cross_entropy, total};
use sparse_circuits::model::Hook;
use std::collections::BTreeMap;

#[derive(Clone)]
pub struct SiteParams<T> {
    pub encoder: LinearParams<T>,
    pub decoder: LinearParams<T>,
}

#[derive(Clone)]
pub struct Bridge<T> {
    pub sites: Vec<SiteParams<T>>,
    pub kept: usize,
}

/// The terms of the loss, without their coefficients.
pub struct Terms<T> {
    pub cross_entropy: T,
    pub nmse_encoder: T,
    pub nmse_decoder: T,
    pub kl_sparse: T,
    pub kl_dense: T,
}

impl<T: Scalar> Bridge<T> {
    /// Linear, then the `kept` largest magnitudes.
    pub fn encode(&self, boundary: usize, dense: &Rows<T>) -> Rows<T> {
        let keep = |row: Vec<T>| {
            let mut channels: Vec<usize> = (0..row.len()).collect();
            channels.sort_by(|&a, &b| row[b].value().abs().total_cmp(&row[a].value().abs()));
            let kept = &channels[..self.kept];
            (0..row.len()).map(|channel| if kept.contains(&channel) { row[channel] } else { T::new(0.0) }).collect()
        };
        linear(dense, &self.sites[boundary].encoder).into_iter().map(keep).collect()
    }

    pub fn decode(&self, boundary: usize, sparse: &Rows<T>) -> Rows<T> {
        linear(sparse, &self.sites[boundary].decoder)
    }
}

/// The residual stream at every boundary, and the logits.
pub fn streams<T: Scalar>(model: &Model<T>, tokens: &[u32]) -> (Vec<Rows<T>>, Rows<T>) {
    let run = model.run(tokens, &[]);
    let at = |boundary| run.activations[&Hook::resid(boundary, model.config.n_layer)].clone();
    ((0..=2 * model.config.n_layer).map(at).collect(), run.logits)
}

/// The logits with the residual stream at a boundary replaced.
pub fn continued<T: Scalar>(model: &Model<T>, tokens: &[u32], boundary: usize, stream: &Rows<T>) -> Rows<T> {
    let replaced = Hook::resid(boundary, model.config.n_layer);
    model.forward(tokens, &mut |hook, x| {
        if hook == replaced {
            *x = stream.clone();
        }
    })
}

fn softmax<T: Scalar>(logits: &[T]) -> Vec<T> {
    let most = logits.iter().map(|logit| logit.value()).fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<T> = logits.iter().map(|&logit| (logit - T::new(most)).exp()).collect();
    let sum = total(&powers);
    powers.into_iter().map(|power| power / sum).collect()
}

/// Mean over tokens of `sum p (ln p - ln q)`.
fn divergence<T: Scalar>(teacher: &Rows<T>, logits: &Rows<T>) -> T {
    let each: Vec<T> = (teacher.iter().zip(logits))
        .map(|(teacher, logits)| {
            let (p, q) = (softmax(teacher), softmax(logits));
            total(&p.iter().zip(&q).map(|(&p, &q)| p * (p.ln() - q.ln())).collect::<Vec<T>>())
        })
        .collect();
    total(&each) / T::new(each.len() as f64)
}

/// Squared error over the variance of the target (about each channel's mean), both summed over all tokens and channels.
fn nmse<T: Scalar>(x: &Rows<T>, target: &Rows<T>) -> T {
    let tokens = T::new(target.len() as f64);
    let (mut missed, mut variance) = (T::new(0.0), T::new(0.0));
    for channel in 0..target[0].len() {
        let column: Vec<T> = target.iter().map(|row| row[channel]).collect();
        let mean = total(&column) / tokens;
        for (token, &value) in column.iter().enumerate() {
            let error = x[token][channel] - value;
            missed += error * error;
            variance += (value - mean) * (value - mean);
        }
    }
    missed / variance
}

/// All terms over a batch of sequences; hybrid passes switch at `sites`, each weighted by `factor`.
pub fn terms<T: Scalar>(
    sparse: &Model<T>,
    dense: &Model<T>,
    bridge: &Bridge<T>,
    texts: &[(Vec<u32>, Vec<Option<usize>>)],
    sites: &[usize],
    factor: f64,
) -> Terms<T> {
    // the rows of all sequences, concatenated
    let mut h_sparse: BTreeMap<usize, Rows<T>> = BTreeMap::new();
    let mut h_dense = h_sparse.clone();
    let (mut teacher, mut logits, mut targets) = (Rows::new(), Rows::new(), Vec::new());
    let (mut by_sparse, mut by_dense) = (h_sparse.clone(), h_sparse.clone());
    for (tokens, wanted) in texts {
        let (in_sparse, y_sparse) = streams(sparse, tokens);
        let (in_dense, y_dense) = streams(dense, tokens);
        for &site in sites {
            let encoded = bridge.encode(site, &in_dense[site]);
            by_sparse.entry(site).or_default().extend(continued(sparse, tokens, site, &encoded));
            let decoded = bridge.decode(site, &in_sparse[site]);
            by_dense.entry(site).or_default().extend(continued(dense, tokens, site, &decoded));
        }
        for (site, (s, d)) in in_sparse.into_iter().zip(in_dense).enumerate() {
            h_sparse.entry(site).or_default().extend(s);
            h_dense.entry(site).or_default().extend(d);
        }
        teacher.extend(y_dense);
        logits.extend(y_sparse);
        targets.extend(wanted.iter().copied());
    }
    let sum = |each: Vec<T>| total(&each);
    Terms {
        // the engine divides by the number of all tokens, including ignored targets
        cross_entropy: mean_cross_entropy(&logits, &targets)
            * T::new(targets.iter().flatten().count() as f64 / targets.len() as f64),
        nmse_encoder: sum((0..bridge.sites.len())
            .map(|i| nmse(&bridge.encode(i, &h_dense[&i]), &h_sparse[&i]))
            .collect()),
        nmse_decoder: sum((0..bridge.sites.len())
            .map(|i| nmse(&bridge.decode(i, &h_sparse[&i]), &h_dense[&i]))
            .collect()),
        kl_sparse: sum(by_sparse.values().map(|logits| divergence(&teacher, logits)).collect()) * T::new(factor),
        kl_dense: sum(by_dense.values().map(|logits| divergence(&teacher, logits)).collect()) * T::new(factor),
    }
}
