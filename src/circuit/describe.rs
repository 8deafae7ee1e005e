//! Plain names for a circuit's nodes, from what they do on the task's prompts: on which token a node departs most from its mean,
//! and for which answer it is higher. Computed, so they say no more than was seen.

use super::workers::Workers;
use super::{Chunk, Prompts};
use crate::Result;
use crate::model::{Hook, Node, Site};
use std::collections::BTreeMap;

/// A node is named after a token when this share of its squared departures from the mean lies there.
const PEAK: f64 = 0.3;
/// A node is steady when its deviation is below this share of its root mean square.
const STEADY: f64 = 0.02;
/// A node is higher for one answer when, over the pairs, the difference of its sums is this many times that difference's
/// deviation.
const TELLING: f64 = 0.8;

/// What a node does on the task's prompts, in circuit mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    pub node: Node,
    /// The same value at every token of every prompt (or nearly).
    pub steady: bool,
    /// The token that accounts for most of its departures from its mean, and whether they go upwards.
    pub peak: Option<(u32, bool)>,
    /// The candidate (0 or 1) for whose prompts it is higher.
    pub higher_for: Option<usize>,
}

/// Describes `nodes` (indices into the node space, ascending) on pairs of prompts.
///
/// # Errors
/// When the device fails.
pub async fn describe<W: Workers>(
    workers: &mut W,
    pairs: &Prompts,
    mask: &[f32],
    nodes: &[usize],
) -> Result<Vec<Description>> {
    let chunks: Vec<&Chunk> = pairs.chunks.iter().collect();
    let values = workers.map(&chunks, async |worker, chunk| worker.values(chunk, mask, nodes).await).await?;
    let task = workers.task().clone();
    let mut out = Vec::new();
    for (at, &node) in nodes.iter().enumerate() {
        let mean = task.means[node] as f64;
        let mut seen = Seen::default();
        for (chunk, values) in chunks.iter().zip(&values) {
            let mut rest = values[at].as_slice();
            let mut sums = Vec::new();
            for span in chunk.batch.spans() {
                let (own, later) = rest.split_at(span.len);
                rest = later;
                let tokens = &chunk.batch.tokens()[span.start..span.start + span.len];
                sums.push(own.iter().map(|&v| v as f64).sum::<f64>());
                tokens.iter().zip(own).for_each(|(&token, &value)| seen.add(token, value as f64, mean));
            }
            seen.differences.extend(sums.chunks_exact(2).map(|pair| pair[0] - pair[1]));
        }
        out.push(seen.describe(task.space.node(node)));
    }
    Ok(out)
}

#[derive(Default)]
struct Seen {
    count: f64,
    sum: f64,
    squares: f64,
    departure_squares: f64,
    /// Summed departures from the mean and their squares, by token.
    by_token: BTreeMap<u32, (f64, f64)>,
    /// Sum over prompt a minus sum over prompt b, for each pair.
    differences: Vec<f64>,
}

impl Seen {
    fn add(&mut self, token: u32, value: f64, mean: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
        self.departure_squares += (value - mean).powi(2);
        let entry = self.by_token.entry(token).or_default();
        entry.0 += value - mean;
        entry.1 += (value - mean).powi(2);
    }

    fn describe(&self, node: Node) -> Description {
        let variance = self.squares / self.count - (self.sum / self.count).powi(2);
        let steady = variance <= STEADY * STEADY * self.squares / self.count;
        let peak = self
            .by_token
            .iter()
            .max_by(|a, b| a.1.1.total_cmp(&b.1.1))
            .filter(|(_, (_, squares))| !steady && *squares >= PEAK * self.departure_squares)
            .map(|(&token, &(sum, _))| (token, sum > 0.0));
        let n = self.differences.len() as f64;
        let mean = self.differences.iter().sum::<f64>() / n;
        let deviation = (self.differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n).sqrt();
        let higher_for = (!steady && mean.abs() > TELLING * deviation).then_some(usize::from(mean < 0.0));
        Description { node, steady, peak, higher_for }
    }
}

impl Description {
    /// A short name, such as `key: rises on "('", higher for ')`. `text` gives a token's text.
    pub fn label(&self, candidates: [&str; 2], text: impl Fn(u32) -> String) -> String {
        let what = match self.node.hook {
            Hook::FinalResid => "output",
            Hook::At { site, .. } => match site {
                Site::AttnQ => "query",
                Site::AttnK => "key",
                Site::AttnV => "value",
                Site::MlpPostAct => "neuron",
                Site::AttnActIn | Site::MlpActIn => "read",
                _ => "write",
            },
        };
        let quoted = |text: &str| text.replace('\n', "\u{21b5}").replace('\t', "\u{21e5}");
        let mut parts = Vec::new();
        if self.steady {
            parts.push("steady".to_string());
        }
        if let Some((token, up)) = self.peak {
            let verb = if up { "rises" } else { "falls" };
            parts.push(format!("{verb} on {}", quoted(&text(token))));
        }
        if let Some(candidate) = self.higher_for {
            parts.push(format!("higher for {}", quoted(candidates[candidate])));
        }
        if parts.is_empty() { what.to_string() } else { format!("{what}: {}", parts.join(", ")) }
    }
}
