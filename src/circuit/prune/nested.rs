//! Nested circuits: one for each number of nodes, each with one node more than the one before. So a reader can choose a size and
//! see what the loss costs.

use super::greedy_ablation::{GreedyAblation, MeasuredCircuit};
use super::{Progress, PruneData, Stage};
use crate::Result;
use crate::circuit::definition::{Calibration, EdgeList, NodeSet};
use crate::circuit::evaluate::EvaluatorPool;

/// The nodes that are tried for each addition: those whose gradient promises most.
const TRIED: usize = 8;

/// A circuit of a nested series: `node` and the nodes of all circuits before it.
#[derive(Clone, Debug, PartialEq)]
pub struct NestedCircuit {
    /// The node that it adds, as a place in the node space.
    pub node: usize,
    pub edges: usize,
    /// Fitted on the train pairs.
    pub calibration: Calibration,
    /// On the validation pairs, in nats.
    pub loss: f64,
}

/// A nested series with `circuit` in it: circuits of 1 to `circuit.len() + more` nodes.
///
/// Below the circuit, the node that raises the loss least is removed each time. Above it, the node that lowers the loss most is
/// added each time, out of the 8 with the best first-order estimate. Both choices use the screening pairs. `None` when `progress`
/// returned false.
///
/// # Errors
/// When the device fails.
pub async fn nested<P: EvaluatorPool>(
    pool: &mut P,
    edges: &EdgeList,
    data: &PruneData,
    circuit: &NodeSet,
    more: usize,
    mut progress: impl AsyncFnMut(&Progress) -> bool,
) -> Result<Option<Vec<NestedCircuit>>> {
    let mut search = GreedyAblation { pool, data, edges, target: f64::INFINITY };
    let Some(smaller) = search.shrink(circuit.clone(), &mut progress).await? else { return Ok(None) };
    let Some(larger) = search.grow(circuit.clone(), more, &mut progress).await? else { return Ok(None) };
    let order: Vec<usize> = smaller.into_iter().rev().chain(larger).collect();
    let mut nodes = NodeSet::empty(circuit.places());
    let mut series = Vec::new();
    for &node in &order {
        nodes.insert(node);
        let MeasuredCircuit { calibration, validation_loss, .. } = search.measure(nodes.clone()).await?;
        let report = search.report(Stage::Nest, series.len() + 1, order.len(), validation_loss, &nodes);
        series.push(NestedCircuit { node, edges: report.edges, calibration, loss: validation_loss });
        if !progress(&report).await {
            return Ok(None);
        }
    }
    Ok(Some(series))
}

impl<P: EvaluatorPool> GreedyAblation<'_, P> {
    /// All nodes of the circuit, in the order in which they are removed. `None` when cancelled.
    async fn shrink(
        &mut self,
        mut nodes: NodeSet,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Vec<usize>>> {
        let count = nodes.len();
        let mut removed = Vec::new();
        while !nodes.is_empty() {
            let tried: Vec<usize> = nodes.iter().collect();
            let Some((node, loss)) = self.best_of(&tried, |node| nodes.without(node)).await? else { break };
            nodes.remove(node);
            removed.push(node);
            if !progress(&self.report(Stage::Nest, removed.len(), count, loss, &nodes)).await {
                return Ok(None);
            }
        }
        Ok(Some(removed))
    }

    /// At most `count` nodes from outside the circuit, in the order in which they are added. `None` when cancelled.
    async fn grow(
        &mut self,
        mut nodes: NodeSet,
        count: usize,
        progress: &mut impl AsyncFnMut(&Progress) -> bool,
    ) -> Result<Option<Vec<usize>>> {
        let all = NodeSet::full(nodes.places());
        let mut added = Vec::new();
        while added.len() < count {
            let gains = self.estimate(&nodes, &all).await?;
            let mut outside: Vec<usize> = all.iter().filter(|&node| !nodes.contains(node)).collect();
            outside.sort_by(|&a, &b| gains[b].total_cmp(&gains[a]).then(a.cmp(&b)));
            outside.truncate(TRIED);
            let Some((node, loss)) = self.best_of(&outside, |node| nodes.with(node)).await? else { break };
            nodes.insert(node);
            added.push(node);
            if !progress(&self.report(Stage::Nest, added.len(), count, loss, &nodes)).await {
                return Ok(None);
            }
        }
        Ok(Some(added))
    }

    /// The node whose circuit has the lowest loss on the screening pairs, and that loss. `None` if no node is tried.
    async fn best_of(&mut self, tried: &[usize], circuit: impl Fn(usize) -> NodeSet) -> Result<Option<(usize, f64)>> {
        let mut best: Option<(usize, f64)> = None;
        for &node in tried {
            let loss = self.screen(&circuit(node)).await?;
            if best.is_none_or(|(_, lowest)| loss < lowest) {
                best = Some((node, loss));
            }
        }
        Ok(best)
    }
}
