//! What a circuit's nodes do on the task's prompts: whether they are constant, at or after which token they are high or low, and with
//! which prompt of a pair they are higher. These are measurements, not explanations.

use crate::Result;
use crate::circuit::definition::{Behaviour, Label, Level, Moment, NodeContrast, NodeSet};
use crate::circuit::evaluate::{Chunk, EvaluatorPool, Prompts};
use crate::model::Node;
use std::collections::BTreeMap;

/// A node is steady when its standard deviation is below this share of its root mean square.
const STEADY: f64 = 0.02;
/// A token, or what follows it, is reported when it explains this share of the variance.
const EXPLAINED: f64 = 0.35;
/// A second token is reported when it explains this share of the variance in the same direction.
const EXPLAINED_TOO: f64 = 0.15;
/// Otherwise the tokens are reported at which the node is higher and lower than elsewhere, if each explains this share.
const EXPLAINED_SOME: f64 = 0.05;
/// Tokens that occur less often are not reported: their mean could be chance.
const SEEN: f64 = 8.0;
/// A node is higher for one answer when the mean difference of its sums over the pairs is this many standard deviations.
const DECIDED: f64 = 0.8;
/// The tokens in which a pair's prompts differ are reported when they are the same in this share of the pairs.
const USUAL: f64 = 0.5;

/// Train pairs on which nodes are described.
pub const DESCRIBED_PAIRS: usize = 256;

/// Describes the nodes of a circuit on the first [`DESCRIBED_PAIRS`] of `pairs`, the train pairs. `candidates` are the texts of the two
/// answers, `text` gives a token's text.
///
/// # Errors
/// When the device fails.
pub async fn describe<P: EvaluatorPool>(
    pool: &mut P,
    pairs: &[[Vec<u32>; 2]],
    circuit: &NodeSet,
    candidates: [&str; 2],
    text: impl Fn(u32) -> String,
) -> Result<BTreeMap<Node, Label>> {
    let pairs = Prompts::new(&pairs[..pairs.len().min(DESCRIBED_PAIRS)], pool.task().context());
    let chunks: Vec<&Chunk> = pairs.chunks.iter().collect();
    let values = pool.map(&chunks, async |evaluator, chunk| evaluator.values(chunk, circuit, circuit).await).await?;
    let task = pool.task().clone();
    let prompts: Vec<&[u32]> = chunks.iter().flat_map(|chunk| sequences(chunk)).collect();
    let differing = usual_difference(&prompts);
    let mut labels = BTreeMap::new();
    for (at, node) in circuit.iter().enumerate() {
        let mut statistics = NodeStatistics::default();
        let mut row = values.iter().flat_map(|values| values[at].iter().map(|&value| f64::from(value)));
        for pair in prompts.chunks_exact(2) {
            statistics.add_pair([pair[0], pair[1]], &mut row);
        }
        labels.insert(task.space.node(node), Label::Measured(statistics.behaviour(differing, candidates, &text)));
    }
    Ok(labels)
}

/// The chunk's prompts, pair after pair.
fn sequences(chunk: &Chunk) -> impl Iterator<Item = &[u32]> {
    chunk.batch.spans().iter().map(|span| &chunk.batch.tokens()[span.start..span.start + span.len])
}

/// The first tokens, aligned from the end, by which the prompts of most pairs differ.
fn usual_difference(prompts: &[&[u32]]) -> Option<[u32; 2]> {
    let mut counts: BTreeMap<[u32; 2], usize> = BTreeMap::new();
    for pair in prompts.chunks_exact(2) {
        let shared = pair[0].len().min(pair[1].len());
        let [a, b] = [pair[0], pair[1]].map(|tokens| &tokens[tokens.len() - shared..]);
        if let Some((&a, &b)) = a.iter().zip(b).find(|(a, b)| a != b) {
            *counts.entry([a, b]).or_default() += 1;
        }
    }
    let (tokens, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count as f64 >= USUAL * (prompts.len() / 2) as f64).then_some(tokens)
}

/// Count and sum of some values.
#[derive(Clone, Copy, Default)]
struct Group {
    count: f64,
    sum: f64,
}

impl Group {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
    }

    /// The sum of squares that the group's own mean explains, and whether that mean is above the others'.
    fn explains(&self, all: &Group) -> (f64, bool) {
        let others = all.count - self.count;
        if self.count < SEEN || others == 0.0 {
            return (0.0, false);
        }
        let gap = self.sum / self.count - (all.sum - self.sum) / others;
        (gap * gap * self.count * others / all.count, gap > 0.0)
    }
}

/// The values of one node on the prompts so far.
#[derive(Default)]
struct NodeStatistics {
    all: Group,
    squares: f64,
    /// Values at each token.
    at: BTreeMap<u32, Group>,
    /// Values at and after each token's last appearance.
    from: BTreeMap<u32, Group>,
    /// Sum over prompt a minus sum over prompt b, for each pair.
    differences: Vec<f64>,
}

impl NodeStatistics {
    /// Adds a pair. `values` has the node's values at the tokens of prompt A, then those of prompt B.
    fn add_pair(&mut self, prompts: [&[u32]; 2], values: &mut impl Iterator<Item = f64>) {
        let [a, b] = prompts.map(|tokens| self.add(tokens, values.by_ref().take(tokens.len())));
        self.differences.push(a - b);
    }

    /// Adds a prompt; returns the sum of its values.
    fn add(&mut self, tokens: &[u32], values: impl Iterator<Item = f64>) -> f64 {
        let values: Vec<f64> = values.collect();
        for (&token, &value) in tokens.iter().zip(&values) {
            self.all.add(value);
            self.squares += value * value;
            self.at.entry(token).or_default().add(value);
        }
        let last: BTreeMap<u32, usize> = tokens.iter().enumerate().map(|(place, &token)| (token, place)).collect();
        for (token, place) in last {
            let group = self.from.entry(token).or_default();
            values[place..].iter().for_each(|&value| group.add(value));
        }
        values.iter().sum()
    }

    fn behaviour(&self, differing: Option<[u32; 2]>, candidates: [&str; 2], text: impl Fn(u32) -> String) -> Behaviour {
        let mean = self.all.sum / self.all.count;
        let variation = self.squares - mean * self.all.sum;
        let n = self.differences.len() as f64;
        let gap = self.differences.iter().sum::<f64>() / n;
        let deviation = (self.differences.iter().map(|d| (d - gap).powi(2)).sum::<f64>() / n).sqrt();
        if variation <= STEADY * STEADY * self.squares {
            return Behaviour { steady: Some(mean), ..Behaviour::default() };
        }
        let contrast = (gap.abs() > DECIDED * deviation).then(|| {
            let candidate = usize::from(gap < 0.0);
            match differing {
                Some(tokens) => {
                    let [higher, lower] = [tokens[candidate], tokens[1 - candidate]].map(&text);
                    NodeContrast::Tokens { higher, lower }
                }
                None => NodeContrast::Answer { text: candidates[candidate].into() },
            }
        });
        Behaviour { steady: None, moment: self.moment(variation, &text), contrast }
    }

    /// `variation` is the sum of squared departures from the mean.
    fn moment(&self, variation: f64, text: impl Fn(u32) -> String) -> Option<Moment> {
        let ranked = |groups: &BTreeMap<u32, Group>| {
            let mut ranked: Vec<(f64, bool, u32)> = groups
                .iter()
                .map(|(&token, group)| {
                    let (explained, up) = group.explains(&self.all);
                    (explained / variation, up, token)
                })
                .collect();
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
            ranked
        };
        let level = |up: bool| if up { Level::High } else { Level::Low };
        let [at, from] = [ranked(&self.at), ranked(&self.from)];
        let &(share, up, token) = at.first()?;
        let second = at.get(1).filter(|second| second.0 >= EXPLAINED_TOO && second.1 == up);
        let at_share = share + second.map_or(0.0, |second| second.0);
        match from.first() {
            Some(&(share, up, token)) if share > at_share && share >= EXPLAINED => {
                Some(Moment::From { level: level(up), token: text(token) })
            }
            _ if at_share >= EXPLAINED => {
                let tokens = [Some(token), second.map(|second| second.2)].into_iter().flatten().map(&text).collect();
                Some(Moment::At { level: level(up), tokens })
            }
            _ => {
                let best =
                    |up: bool| at.iter().find(|one| one.1 == up && one.0 >= EXPLAINED_SOME).map(|one| text(one.2));
                let (higher, lower) = (best(true), best(false));
                (higher.is_some() || lower.is_some()).then_some(Moment::Leans { higher, lower })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = ["(\"", "('", "a", "b", " c", " a"];

    fn text(id: u32) -> String {
        NAMES[id as usize].into()
    }

    /// What is found on pairs of prompts, each given often enough to be believed.
    fn found(prompts: &[(&[u32], &[f64])]) -> Behaviour {
        let mut statistics = NodeStatistics::default();
        for pair in prompts.repeat(8).chunks_exact(2) {
            let mut values = pair[0].1.iter().chain(pair[1].1).copied();
            statistics.add_pair([pair[0].0, pair[1].0], &mut values);
        }
        let tokens: Vec<&[u32]> = prompts.iter().map(|prompt| prompt.0).collect();
        statistics.behaviour(usual_difference(&tokens), ["yes", "no"], text)
    }

    fn at(level: Level, tokens: &[&str]) -> Option<Moment> {
        Some(Moment::At { level, tokens: tokens.iter().map(|&token| token.into()).collect() })
    }

    fn higher_with(higher: &str, lower: &str) -> Option<NodeContrast> {
        Some(NodeContrast::Tokens { higher: higher.into(), lower: lower.into() })
    }

    #[test]
    fn a_behaviour_is_what_was_measured() {
        let (first, second): (&[u32], &[u32]) = (&[2, 3, 0, 4, 2], &[2, 3, 1, 4, 2]);
        let steady = found(&[(first, &[0.5; 5]), (second, &[0.5; 5])]);
        assert_eq!(steady, Behaviour { steady: Some(0.5), moment: None, contrast: None });
        let one = found(&[(first, &[0.0, 0.0, 3.0, 0.0, 0.1]), (second, &[0.1, 0.0, 0.0, 0.0, 0.0])]);
        assert_eq!((one.moment, one.contrast), (at(Level::High, &["(\""]), higher_with("(\"", "('")));
        let stays = found(&[(first, &[0.0, 0.1, 0.0, 0.1, 0.0]), (second, &[0.0, 0.1, -2.0, -2.1, -2.0])]);
        assert_eq!(stays.moment, Some(Moment::From { level: Level::Low, token: "('".into() }));
        assert_eq!(stays.contrast, higher_with("(\"", "('"));
        let both = found(&[(first, &[0.0, 0.0, 3.0, 0.0, 0.1]), (second, &[0.1, 0.0, 3.0, 0.0, 0.0])]);
        assert_eq!((both.moment, both.contrast), (at(Level::High, &["(\"", "('"]), None));
    }

    #[test]
    fn a_node_that_no_token_explains_leans_or_has_no_moment() {
        let tokens: &[u32] = &[2, 3, 3, 4, 4, 2];
        let leans = found(&[(tokens, &[0.0, 3.0, 0.0, -2.0, 1.0, 0.0]), (tokens, &[0.5, 0.0, 3.0, 1.0, -2.0, -0.5])]);
        assert_eq!(leans.moment, Some(Moment::Leans { higher: Some("b".into()), lower: Some(" c".into()) }));
        let noise = found(&[(tokens, &[0.0, 3.0, 0.0, 3.0, 0.0, 3.0]), (tokens, &[3.0, 0.0, 3.0, 0.0, 3.0, 0.0])]);
        assert_eq!(noise, Behaviour::default());
    }

    #[test]
    fn pairs_that_differ_in_changing_tokens_are_told_apart_by_the_answer() {
        let pairs: [(&[u32], &[f64]); 6] = [
            (&[2, 0], &[0.0, 3.0]),
            (&[2, 1], &[0.0, 0.0]),
            (&[2, 3], &[0.0, 3.1]),
            (&[2, 4], &[0.0, 0.0]),
            (&[2, 5], &[0.0, 2.9]),
            (&[2, 3], &[0.0, 0.0]),
        ];
        assert_eq!(found(&pairs).contrast, Some(NodeContrast::Answer { text: "yes".into() }));
    }

    #[test]
    fn rare_tokens_are_not_named() {
        let mut statistics = NodeStatistics::default();
        statistics.add(&[2, 3, 4, 2, 3, 4], [0.0, 0.1, 0.0, 0.2, 9.0, 0.0].into_iter());
        statistics.differences.push(0.0);
        let found = statistics.behaviour(None, ["yes", "no"], |_| unreachable!("no token is named"));
        assert_eq!(found, Behaviour::default());
    }
}
