//! The options that edit a run, shared by `run` and `predict`.

use super::load::load_circuit;
use crate::circuit::{Circuit, EdgeId, Edits, Mode};
use crate::model::{Node, Weights};
use crate::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct EditArgs {
    /// Set a node to its mean. A node is HOOK.INDEX, such as 0.mlp.post_act.863.
    #[arg(long, value_name = "NODE")]
    off: Vec<Node>,
    /// Switch an edge off: TO reads the mean of FROM. TO is a node, logit.0 or logit.1; the colon separates the two.
    #[arg(long, value_name = "FROM:TO")]
    off_edge: Vec<EdgeId>,
    /// Set a node to a value.
    #[arg(long, value_name = "NODE=VALUE", value_parser = node_and_number)]
    set: Vec<(Node, f32)>,
    /// Multiply a node by a factor.
    #[arg(long, value_name = "NODE=FACTOR", value_parser = node_and_number)]
    scale: Vec<(Node, f32)>,
    /// Take a node's values from the prompt of --from; the tokens are aligned at the end.
    #[arg(long, value_name = "NODE")]
    patch: Vec<Node>,
    /// Take the values of the circuit's flip nodes from the prompt of --from.
    #[arg(long)]
    flip: bool,
    /// The second prompt, for --patch and --flip.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// A circuit, for --mode and --flip.
    #[arg(long, value_name = "FILE")]
    circuit: Option<PathBuf>,
    /// Use the nested circuit with this number of nodes.
    #[arg(long, value_name = "NODES", requires = "circuit")]
    size: Option<usize>,
    /// `full`: the full model. `circuit`: all nodes outside the circuit are at their means. `removed`: the
    /// circuit's nodes are at their means.
    #[arg(long, value_enum, default_value_t = ModeName::Full)]
    mode: ModeName,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum ModeName {
    Full,
    Circuit,
    Removed,
}

impl EditArgs {
    /// # Errors
    /// One node with two values or factors.
    pub fn edits(&self) -> Result<Edits> {
        Ok(Edits {
            mode: match self.mode {
                ModeName::Full => Mode::Full,
                ModeName::Circuit => Mode::Circuit,
                ModeName::Removed => Mode::Removed,
            },
            off: self.off.iter().copied().collect(),
            off_edges: self.off_edge.iter().copied().collect(),
            set: unique("--set", &self.set)?,
            scale: unique("--scale", &self.scale)?,
            patch: self.patch.iter().copied().collect::<BTreeSet<Node>>(),
            flip: self.flip,
        })
    }

    /// Whether the edits need the values of a second prompt.
    pub fn need_source(&self) -> bool {
        self.flip || !self.patch.is_empty()
    }

    /// The circuit of `--circuit`, checked against the model.
    ///
    /// # Errors
    /// The edits need a circuit and there is none, or it belongs to another model.
    pub fn circuit(&self, weights: &Weights) -> Result<Option<Circuit>> {
        let Some(path) = &self.circuit else {
            if self.flip || self.mode != ModeName::Full {
                bail!("--mode circuit, --mode removed and --flip need a circuit; give one with --circuit FILE");
            }
            return Ok(None);
        };
        let circuit = load_circuit(path, weights)?.circuit;
        Ok(Some(match self.size {
            Some(nodes) => circuit.of_size(nodes)?,
            None => circuit,
        }))
    }
}

fn node_and_number(text: &str) -> std::result::Result<(Node, f32), String> {
    let Some((node, number)) = text.split_once('=') else {
        return Err("expected NODE=NUMBER, such as 0.mlp.post_act.863=1.5".into());
    };
    let node = node.parse::<Node>().map_err(|error| error.to_string())?;
    match number.parse::<f32>() {
        Ok(number) if number.is_finite() => Ok((node, number)),
        _ => Err(format!("\"{number}\" is not a finite number")),
    }
}

fn unique(option: &str, pairs: &[(Node, f32)]) -> Result<BTreeMap<Node, f32>> {
    let mut map = BTreeMap::new();
    for &(node, number) in pairs {
        if map.insert(node, number).is_some() {
            bail!("{option} is given twice for the node {node}");
        }
    }
    Ok(map)
}
