//! At which token each part of a circuit is read, and which nodes do nothing on a task's example.
//!
//! The prediction is made at the last token. The part that found the deciding bracket or quote did its work earlier, at the token where
//! the two prompts differ. Its result reaches the last token through the keys and values of an attention head.

use super::graph::{Edge, ResidualLane};
use super::view::View;
use crate::circuit::definition::Circuit;
use crate::model::{Hook, Node, Site};
use std::collections::{BTreeMap, BTreeSet};

/// Circuits of up to this many nodes are drawn whole.
const FEW: usize = 16;
/// A node is inactive below this share of the largest value that it takes on the example.
const INACTIVE: f32 = 0.02;

/// The last token of `a` that differs from its partner in `b`, both counted from the end. The last token where none differs.
pub fn marked_token(a: &[u32], b: Option<&[u32]>) -> usize {
    let last = a.len().saturating_sub(1);
    let Some(b) = b else { return last };
    let shared = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    if shared < a.len().min(b.len()) {
        return last - shared;
    }
    // one prompt ends with the other: the extra token, or the first one where B has it
    match a.len() as isize - b.len() as isize {
        extra if extra > 0 => extra as usize - 1,
        0 => last,
        _ => 0,
    }
}

/// The nodes that reach the prediction through a key or a value. They are read at the marked token, all others at the last one.
pub fn read_early(nodes: &BTreeSet<Node>, edges: &[Edge], lanes: &[ResidualLane]) -> BTreeSet<Node> {
    let mut sources: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
    for edge in edges {
        sources.entry(edge.to).or_default().push(edge.from);
    }
    for lane in lanes {
        for &read in &lane.reads {
            let earlier = lane.writes.iter().copied().filter(|write| write.hook < read.hook);
            sources.entry(read).or_default().extend(earlier);
        }
    }
    let starts =
        nodes.iter().copied().filter(|node| matches!(node.hook, Hook::At { site: Site::AttnK | Site::AttnV, .. }));
    let mut early = BTreeSet::new();
    let mut open: Vec<Node> = starts.collect();
    while let Some(node) = open.pop() {
        if early.insert(node) {
            open.extend(sources.get(&node).into_iter().flatten());
        }
    }
    early
}

/// The nodes that stay near zero on both prompts of an example, where they are read. `views` are those of A (with B as the
/// counterfactual) and of B (with A), both without edits. Flip nodes count as active, and so does a node that would be the only inactive
/// one at its hook. A circuit of up to 16 nodes has none.
pub fn inactive_nodes(circuit: &Circuit, views: [&View; 2]) -> Vec<Node> {
    if circuit.nodes.len() <= FEW {
        return Vec::new();
    }
    let largest = |values: &[f32]| values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    let still = circuit.nodes.iter().enumerate().filter(|&(row, node)| {
        let values = views.map(|view| view.activations_of(row));
        let reach = largest(values[0]).max(largest(values[1]));
        let near_zero = |prompt: usize| values[prompt][views[prompt].read_at[row]].abs() <= INACTIVE * reach;
        !circuit.flip_nodes.contains(node) && near_zero(0) && near_zero(1)
    });
    let still: Vec<Node> = still.map(|(_, node)| *node).collect();
    let shared = |node: &&Node| still.iter().filter(|other| other.hook == node.hook).count() > 1;
    still.iter().filter(shared).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marked_token_is_the_last_difference_from_the_end() {
        assert_eq!(marked_token(&[1, 2, 3, 4], Some(&[1, 9, 3, 4])), 1);
        assert_eq!(marked_token(&[7, 1, 2, 3], Some(&[8, 3])), 2);
        // no partner, no difference
        assert_eq!(marked_token(&[1, 2, 3], None), 2);
        assert_eq!(marked_token(&[1, 2, 3], Some(&[1, 2, 3])), 2);
        assert_eq!(marked_token(&[], None), 0);
        // one prompt ends with the other
        assert_eq!(marked_token(&[1, 5, 2, 3], Some(&[2, 3])), 1);
        assert_eq!(marked_token(&[2, 3], Some(&[1, 5, 2, 3])), 0);
    }

    #[test]
    fn nodes_that_lead_to_keys_and_values_are_read_early_across_lanes() {
        let node = |text: &str| text.parse::<Node>().unwrap();
        let edge = |from: &str, to: &str| Edge { from: node(from), to: node(to), weight: 1.0 };
        let nodes = [
            "0.mlp.act_in.7",
            "0.mlp.post_act.1",
            "0.mlp.resid_delta.5",
            "1.attn.act_in.5",
            "1.attn.act_in.6",
            "1.attn.q.1",
            "1.attn.k.1",
            "1.attn.v.2",
            "1.attn.resid_delta.5",
            "1.mlp.act_in.5",
        ];
        let edges = [
            edge("0.mlp.act_in.7", "0.mlp.post_act.1"),
            edge("0.mlp.post_act.1", "0.mlp.resid_delta.5"),
            edge("1.attn.act_in.5", "1.attn.v.2"),
            edge("1.attn.act_in.6", "1.attn.q.1"),
            edge("1.attn.v.2", "1.attn.resid_delta.5"),
        ];
        let lane = ResidualLane {
            channel: 5,
            writes: ["0.mlp.resid_delta.5", "1.attn.resid_delta.5"].map(node).into(),
            reads: ["1.attn.act_in.5", "1.mlp.act_in.5"].map(node).into(),
            to_logits: [1.0, -1.0],
        };
        let early = read_early(&nodes.map(node).into(), &edges, &[lane]);
        let wanted = [
            "0.mlp.act_in.7",
            "0.mlp.post_act.1",
            "0.mlp.resid_delta.5",
            "1.attn.act_in.5",
            "1.attn.k.1",
            "1.attn.v.2",
        ];
        assert_eq!(early, wanted.map(node).into());
    }
}
