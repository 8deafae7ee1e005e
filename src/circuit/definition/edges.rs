//! Edges of a model between its nodes (Gao et al. 2025, 2.2). The size of a circuit is its number of edges.

use super::maps::maps;
use super::node_set::NodeSet;
use super::node_space::NodeSpace;
use crate::model::{Hook, Weights};

/// The pairs of nodes with a nonzero weight between them, as lists of neighbours in both directions (places in the node space).
pub struct EdgeList {
    into: Vec<Vec<u32>>,
    out_of: Vec<Vec<u32>>,
}

impl EdgeList {
    pub fn new(weights: &Weights, space: &NodeSpace) -> EdgeList {
        let mut edges = EdgeList { into: vec![Vec::new(); space.len()], out_of: vec![Vec::new(); space.len()] };
        for layer in 0..weights.config.n_layer {
            for map in maps(weights, layer) {
                let [from, to] = [map.from, map.to].map(|site| space.range(Hook::at(layer, site)).unwrap_or(0..0));
                for (row, to) in to.enumerate() {
                    for (col, _) in map.row(row) {
                        edges.into[to].push((from.start + col) as u32);
                        edges.out_of[from.start + col].push(to as u32);
                    }
                }
            }
        }
        edges
    }

    /// Edges between the nodes of `set`.
    pub fn count(&self, set: &NodeSet) -> usize {
        set.iter().map(|node| among(&self.out_of[node], set)).sum()
    }

    /// Edges between `node` and the nodes of `set`: what a circuit loses with it.
    pub fn of(&self, node: usize, set: &NodeSet) -> usize {
        among(&self.into[node], set) + among(&self.out_of[node], set)
    }
}

fn among(nodes: &[u32], set: &NodeSet) -> usize {
    nodes.iter().filter(|&&node| set.contains(node as usize)).count()
}
