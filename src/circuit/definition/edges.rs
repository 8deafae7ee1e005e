//! Edges of a model between its nodes: what a circuit's size is counted in.

use super::maps::maps;
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

    /// Edges between nodes whose mask is not zero.
    pub fn count(&self, mask: &[f32]) -> usize {
        (0..mask.len()).filter(|&node| mask[node] != 0.0).map(|node| on(&self.out_of[node], mask)).sum()
    }

    /// Edges of `node` with running nodes: what the circuit loses with it.
    pub fn of(&self, node: usize, mask: &[f32]) -> usize {
        on(&self.into[node], mask) + on(&self.out_of[node], mask)
    }
}

fn on(nodes: &[u32], mask: &[f32]) -> usize {
    nodes.iter().filter(|&&node| mask[node as usize] != 0.0).count()
}
