//! Plain names for a circuit's nodes, from what they do on the task's prompts: whether they hold still, at or after which token they
//! are high or low, and with which of a pair's two readings they are higher. Measured, so they say no more than was seen.

use crate::Result;
use crate::circuit::definition::NodeSet;
use crate::circuit::evaluate::{Chunk, EvaluatorPool, Prompts};
use crate::model::{Hook, Node, Site};
use std::collections::BTreeMap;

/// A node is steady when its deviation is below this share of its root mean square.
const STEADY: f64 = 0.02;
/// A node is named after a token, or after what follows it, when that explains this share of its variance.
const EXPLAINED: f64 = 0.35;
/// A second token is named beside the first when it explains this share of the variance, in the same direction.
const EXPLAINED_TOO: f64 = 0.15;
/// Else the tokens are named at which it is higher, and lower, than elsewhere, where each explains this share: the name says less.
const EXPLAINED_SOME: f64 = 0.05;
/// Tokens seen less often than this are not named: their mean could be chance.
const SEEN: f64 = 8.0;
/// A node is higher for one answer when, over the pairs, the difference of its sums is this many times that difference's
/// deviation.
const TELLING: f64 = 0.8;
/// Tokens that tell a pair's prompts apart are named when they are the same in this share of the pairs.
const USUAL: f64 = 0.5;

/// When a node departs from its usual value.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// At these tokens (one or two).
    At(Vec<u32>),
    /// From this token on, to the end of the prompt.
    From(u32),
    /// At one token it is above its usual value, at the other below; neither says all of it.
    Leans { up: Option<u32>, down: Option<u32> },
}

/// What a node does on the task's prompts, in circuit mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    pub node: Node,
    /// The value that it has, or nearly, at every token of every prompt.
    pub steady: Option<f64>,
    /// Where it departs most from its usual value, and whether it is higher there.
    pub moment: Option<(Moment, bool)>,
    /// The candidate (0 or 1) in whose prompts it is higher.
    pub higher_for: Option<usize>,
    /// The tokens by which most pairs differ, in the prompts of candidate 0 and of candidate 1.
    pub differing: Option<[u32; 2]>,
}

/// Train pairs on which nodes are described.
pub const DESCRIBED_PAIRS: usize = 256;

/// Describes the nodes of a circuit on the first [`DESCRIBED_PAIRS`] of `pairs`, the train pairs. The nodes are in ascending order.
///
/// # Errors
/// When the device fails.
pub async fn describe<P: EvaluatorPool>(
    pool: &mut P,
    pairs: &[[Vec<u32>; 2]],
    circuit: &NodeSet,
) -> Result<Vec<Description>> {
    let pairs = Prompts::new(&pairs[..pairs.len().min(DESCRIBED_PAIRS)], pool.task().context());
    let chunks: Vec<&Chunk> = pairs.chunks.iter().collect();
    let values = pool.map(&chunks, async |evaluator, chunk| evaluator.values(chunk, circuit, circuit).await).await?;
    let task = pool.task().clone();
    let prompts: Vec<&[u32]> = chunks.iter().flat_map(|chunk| sequences(chunk)).collect();
    let differing = usual_difference(&prompts);
    let mut out = Vec::new();
    for (at, node) in circuit.iter().enumerate() {
        let mut seen = Seen::default();
        let mut row = values.iter().flat_map(|values| values[at].iter().map(|&value| f64::from(value)));
        for pair in prompts.chunks_exact(2) {
            let sums = [pair[0], pair[1]].map(|tokens| seen.add(tokens, row.by_ref().take(tokens.len())));
            seen.differences.push(sums[0] - sums[1]);
        }
        out.push(seen.describe(task.space.node(node), differing));
    }
    Ok(out)
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
struct Seen {
    all: Group,
    squares: f64,
    /// Values at each token.
    at: BTreeMap<u32, Group>,
    /// Values at and after each token's last appearance.
    from: BTreeMap<u32, Group>,
    /// Sum over prompt a minus sum over prompt b, for each pair.
    differences: Vec<f64>,
}

impl Seen {
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

    fn describe(&self, node: Node, differing: Option<[u32; 2]>) -> Description {
        let mean = self.all.sum / self.all.count;
        let variation = self.squares - mean * self.all.sum;
        let steady = (variation <= STEADY * STEADY * self.squares).then_some(mean);
        let n = self.differences.len() as f64;
        let gap = self.differences.iter().sum::<f64>() / n;
        let deviation = (self.differences.iter().map(|d| (d - gap).powi(2)).sum::<f64>() / n).sqrt();
        let higher_for = (steady.is_none() && gap.abs() > TELLING * deviation).then_some(usize::from(gap < 0.0));
        let moment = if steady.is_some() { None } else { self.moment(variation) };
        Description { node, steady, moment, higher_for, differing }
    }

    /// `variation` is the sum of squared departures from the mean.
    fn moment(&self, variation: f64) -> Option<(Moment, bool)> {
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
        let [at, from] = [ranked(&self.at), ranked(&self.from)];
        let &(share, up, token) = at.first()?;
        let second = at.get(1).filter(|second| second.0 >= EXPLAINED_TOO && second.1 == up);
        let at_share = share + second.map_or(0.0, |second| second.0);
        match from.first() {
            Some(&(share, up, token)) if share > at_share && share >= EXPLAINED => Some((Moment::From(token), up)),
            _ if at_share >= EXPLAINED => {
                let tokens = [Some(token), second.map(|second| second.2)].into_iter().flatten().collect();
                Some((Moment::At(tokens), up))
            }
            _ => {
                let best = |up: bool| at.iter().find(|one| one.1 == up && one.0 >= EXPLAINED_SOME).map(|one| one.2);
                let (up, down) = (best(true), best(false));
                (up.is_some() || down.is_some()).then_some((Moment::Leans { up, down }, true))
            }
        }
    }
}

/// A token's text as it can be read aloud: white space in words, else without the spaces in front.
fn spelled(text: &str) -> String {
    if text.is_empty() || !text.chars().all(|char| [' ', '\t', '\n'].contains(&char)) {
        return text.trim_start_matches(' ').replace('\n', "\u{23ce}").replace('\t', "\u{21e5}");
    }
    let run = |run: &[u8]| {
        let name = match run[0] {
            b' ' => "space",
            b'\t' => "tab",
            _ => "line end",
        };
        if run.len() == 1 { format!("a {name}") } else { format!("{} {name}s", run.len()) }
    };
    text.as_bytes().chunk_by(|one, next| one == next).map(run).collect::<Vec<_>>().join(" and ")
}

impl Description {
    /// A short name, such as `key: high at (', higher with (' than with ("`. `text` gives a token's text.
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
        let token = |id: u32| spelled(&text(id));
        let mut parts = Vec::new();
        if let Some(value) = self.steady {
            parts.push(format!("always {value:.2}"));
        }
        if let Some((moment, up)) = &self.moment {
            let level = if *up { "high" } else { "low" };
            parts.push(match moment {
                Moment::At(tokens) => {
                    let mut tokens: Vec<String> = tokens.iter().map(|&id| token(id)).collect();
                    tokens.dedup(); // the same word with and without a space before it
                    format!("{level} at {}", tokens.join(" and "))
                }
                Moment::From(id) => format!("{level} from {} on", token(*id)),
                Moment::Leans { up, down } => {
                    let lean = |level: &str, id: &Option<u32>| id.map(|id| format!("{level} at {}", token(id)));
                    [lean("higher", up), lean("lower", down)].into_iter().flatten().collect::<Vec<_>>().join(", ")
                }
            });
        }
        if let Some(candidate) = self.higher_for {
            parts.push(match self.differing {
                Some(differing) => {
                    let [this, other] = [differing[candidate], differing[1 - candidate]].map(token);
                    format!("higher with {this} than with {other}")
                }
                None => format!("higher when the answer is {}", spelled(candidates[candidate])),
            });
        }
        match (parts.is_empty(), self.steady) {
            (true, _) => format!("{what}: varies from prompt to prompt"),
            _ => format!("{what}: {}", parts.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 10] = ["(\"", "('", "a", "b", " c", " a", "    ", "\n", "\n\n", "\t"];

    /// A label from pairs of prompts, each given often enough to be believed.
    fn label(prompts: &[(&[u32], &[f64])]) -> String {
        let mut seen = Seen::default();
        for pair in prompts.repeat(8).chunks_exact(2) {
            let sums = [&pair[0], &pair[1]].map(|(tokens, values)| seen.add(tokens, values.iter().copied()));
            seen.differences.push(sums[0] - sums[1]);
        }
        let tokens: Vec<&[u32]> = prompts.iter().map(|prompt| prompt.0).collect();
        let description = seen.describe("0.mlp.post_act.3".parse().unwrap(), usual_difference(&tokens));
        description.label(["\")", "')"], |id| NAMES[id as usize].to_string())
    }

    #[test]
    fn labels_tell_what_was_seen() {
        let (first, second): (&[u32], &[u32]) = (&[2, 3, 0, 4, 2], &[2, 3, 1, 4, 2]);
        assert_eq!(label(&[(first, &[0.5; 5]), (second, &[0.5; 5])]), "neuron: always 0.50");
        let one = label(&[(first, &[0.0, 0.0, 3.0, 0.0, 0.1]), (second, &[0.1, 0.0, 0.0, 0.0, 0.0])]);
        assert_eq!(one, "neuron: high at (\"; higher with (\" than with ('");
        let stays = label(&[(first, &[0.0, 0.1, 0.0, 0.1, 0.0]), (second, &[0.0, 0.1, -2.0, -2.1, -2.0])]);
        assert_eq!(stays, "neuron: low from (' on; higher with (\" than with ('");
        let both = label(&[(first, &[0.0, 0.0, 3.0, 0.0, 0.1]), (second, &[0.1, 0.0, 3.0, 0.0, 0.0])]);
        assert_eq!(both, "neuron: high at (\" and ('");
    }

    #[test]
    fn a_node_that_no_token_explains_is_said_to_lean() {
        let tokens: &[u32] = &[2, 3, 3, 4, 4, 2];
        let leans = label(&[(tokens, &[0.0, 3.0, 0.0, -2.0, 1.0, 0.0]), (tokens, &[0.5, 0.0, 3.0, 1.0, -2.0, -0.5])]);
        assert_eq!(leans, "neuron: higher at b, lower at c");
        let noise = label(&[(tokens, &[0.0, 3.0, 0.0, 3.0, 0.0, 3.0]), (tokens, &[3.0, 0.0, 3.0, 0.0, 3.0, 0.0])]);
        assert_eq!(noise, "neuron: varies from prompt to prompt");
    }

    #[test]
    fn rare_tokens_are_not_named() {
        let mut seen = Seen::default();
        seen.add(&[2, 3, 4, 2, 3, 4], [0.0, 0.1, 0.0, 0.2, 9.0, 0.0].into_iter());
        seen.differences.push(0.0);
        let description = seen.describe("0.attn.k.3".parse().unwrap(), None);
        assert_eq!(
            description.label(["", ""], |_| unreachable!("no token is named")),
            "key: varies from prompt to prompt"
        );
    }

    #[test]
    fn white_space_is_spelled_out() {
        let blank: &[u32] = &[6, 2, 7, 3, 6, 2];
        let indent = label(&[(blank, &[3.0, 0.1, 0.0, 0.0, 3.0, 0.0]), (blank, &[3.0, 0.0, 0.1, 0.0, 3.0, 0.0])]);
        assert_eq!(indent, "neuron: high at 4 spaces");
        let same: &[u32] = &[3, 2, 4, 0, 5, 1];
        let twice = label(&[(same, &[0.0, 3.0, 0.1, 0.0, 3.0, 0.0]), (same, &[0.1, 3.0, 0.0, 0.0, 3.0, 0.0])]);
        assert_eq!(twice, "neuron: high at a");
        let words = [" ", "\n\n", "\t", "\n    ", "):\n", " if"].map(spelled);
        assert_eq!(words, ["a space", "2 line ends", "a tab", "a line end and 4 spaces", "):\u{23ce}", "if"]);
    }
}
