//! Edges of a model between its nodes: what a circuit's size is counted in.

use super::maps::maps;
use super::node_set::NodeSet;
use super::node_space::NodeSpace;
use crate::model::{Hook, Weights};

/// Which nodes a nonzero weight joins, as lists of neighbours in both directions (indices into the node space).
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
