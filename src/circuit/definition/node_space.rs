//! The nodes of a model in one row.

use super::node_set::NodeSet;
use crate::model::{Config, Hook, Node};
use crate::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// All nodes of a model in one row: hooks in the order of [`Hook::node_hooks`], then channels. Node sets, means and mask gradients
/// follow this order.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpace {
    hooks: Vec<(Hook, Range<usize>)>,
}

impl NodeSpace {
    pub fn new(config: &Config) -> NodeSpace {
        let mut start = 0;
        let hooks = Hook::node_hooks(config.n_layer)
            .into_iter()
            .map(|hook| {
                let range = start..start + hook.width(config);
                start = range.end;
                (hook, range)
            })
            .collect();
        NodeSpace { hooks }
    }

    /// Number of nodes.
    #[allow(clippy::len_without_is_empty)] // a model has nodes
    pub fn len(&self) -> usize {
        self.hooks.last().map_or(0, |(_, range)| range.end)
    }

    pub fn hooks(&self) -> impl Iterator<Item = (Hook, Range<usize>)> + '_ {
        self.hooks.iter().cloned()
    }

    /// The nodes at a hook; `None` when the hook has no nodes.
    pub fn range(&self, hook: Hook) -> Option<Range<usize>> {
        self.hooks.iter().find(|(at, _)| *at == hook).map(|(_, range)| range.clone())
    }

    /// `index` must be below [`NodeSpace::len`].
    pub fn node(&self, index: usize) -> Node {
        let at = self.hooks.partition_point(|(_, range)| range.end <= index);
        let (hook, range) = &self.hooks[at];
        Node::new(*hook, index - range.start)
    }

    /// # Errors
    /// When the model has no such node.
    pub fn index(&self, node: Node) -> Result<usize> {
        match self.range(node.hook) {
            Some(range) if node.index < range.len() => Ok(range.start + node.index),
            _ => bail!("{node} is not a node of this model"),
        }
    }

    /// # Errors
    /// When the model does not have one of the nodes.
    pub fn set<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) -> Result<NodeSet> {
        let mut set = NodeSet::empty(self.len());
        for &node in nodes {
            set.insert(self.index(node)?);
        }
        Ok(set)
    }

    /// The nodes of a set by their names' order, as files list them.
    pub fn nodes(&self, set: &NodeSet) -> BTreeSet<Node> {
        set.iter().map(|index| self.node(index)).collect()
    }

    /// The means at the node hooks in one row.
    ///
    /// # Errors
    /// When a hook's means are missing or of another width.
    pub fn means(&self, means: &BTreeMap<Hook, Vec<f32>>) -> Result<Vec<f32>> {
        let mut row = Vec::with_capacity(self.len());
        for (hook, range) in &self.hooks {
            match means.get(hook) {
                Some(mean) if mean.len() == range.len() => row.extend(mean),
                Some(mean) => {
                    bail!("the means at {hook} are {} numbers; the model has {} channels", mean.len(), range.len())
                }
                None => bail!("the model file holds no means for {hook}; `sparse-circuits means` measures them"),
            }
        }
        Ok(row)
    }
}
