//! Names of the places inside a model, as the published code writes them.

use super::{Config, TopKSite};
use crate::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A place inside one layer whose values can be recorded and edited. The order is that of the forward pass, and everything that
/// orders sites follows it: hooks, nodes, the node space of a search. q, k and v are computed from the same input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    ResidIn,
    AttnActIn,
    AttnQ,
    AttnK,
    AttnV,
    AttnY,
    AttnResidDelta,
    ResidMid,
    MlpActIn,
    MlpPostAct,
    MlpResidDelta,
}

impl Site {
    pub const ALL: [Site; 11] = [
        Site::ResidIn,
        Site::AttnActIn,
        Site::AttnQ,
        Site::AttnK,
        Site::AttnV,
        Site::AttnY,
        Site::AttnResidDelta,
        Site::ResidMid,
        Site::MlpActIn,
        Site::MlpPostAct,
        Site::MlpResidDelta,
    ];
    /// The sites whose channels are nodes of a circuit (Gao et al. 2025, 2.2): those at which AbsTopK may apply.
    pub const NODES: [Site; 8] = {
        let mut nodes = [Site::AttnActIn; 8];
        let (mut at, mut found) = (0, 0);
        while at < Site::ALL.len() {
            if Site::ALL[at].top_k_site().is_some() {
                nodes[found] = Site::ALL[at];
                found += 1;
            }
            at += 1;
        }
        assert!(found == nodes.len());
        nodes
    };

    /// The site's name in the published code, and the AbsTopK that its values have just passed.
    const fn row(self) -> (&'static str, Option<TopKSite>) {
        match self {
            Site::ResidIn => ("resid_in", None),
            Site::AttnActIn => ("attn.act_in", Some(TopKSite::AttnIn)),
            Site::AttnQ => ("attn.q", Some(TopKSite::AttnQ)),
            Site::AttnK => ("attn.k", Some(TopKSite::AttnK)),
            Site::AttnV => ("attn.v", Some(TopKSite::AttnV)),
            Site::AttnY => ("attn.y", None),
            Site::AttnResidDelta => ("attn.resid_delta", Some(TopKSite::AttnOut)),
            Site::ResidMid => ("resid_mid", None),
            Site::MlpActIn => ("mlp.act_in", Some(TopKSite::MlpIn)),
            Site::MlpPostAct => ("mlp.post_act", Some(TopKSite::MlpNeuron)),
            Site::MlpResidDelta => ("mlp.resid_delta", Some(TopKSite::MlpOut)),
        }
    }

    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The AbsTopK that applies to this site's values before they can be recorded or edited. The two steps on the residual stream
    /// itself ([`TopKSite::ResidPostAttn`], [`TopKSite::ResidPostMlp`]) belong to no site.
    pub const fn top_k_site(self) -> Option<TopKSite> {
        self.row().1
    }

    /// Channels at this site.
    pub fn width(self, config: &Config) -> usize {
        match self {
            Site::ResidIn | Site::ResidMid | Site::AttnResidDelta | Site::MlpResidDelta => config.d_model,
            Site::AttnActIn | Site::MlpActIn => config.d_block_in(),
            Site::AttnQ | Site::AttnK | Site::AttnV | Site::AttnY => config.d_attn(),
            Site::MlpPostAct => config.d_mlp,
        }
    }
}

/// A hook: `LAYER.SITE`, or `final_resid` after the last layer. Ordered as the forward pass reaches them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    At { layer: usize, site: Site },
    FinalResid,
}

impl Hook {
    pub fn at(layer: usize, site: Site) -> Hook {
        Hook::At { layer, site }
    }

    /// The hook of the residual stream at a boundary, see [`super::forward_from`].
    pub fn resid(boundary: usize, n_layer: usize) -> Hook {
        match boundary {
            end if end == 2 * n_layer => Hook::FinalResid,
            at if at % 2 == 0 => Hook::at(at / 2, Site::ResidIn),
            at => Hook::at(at / 2, Site::ResidMid),
        }
    }

    /// All hooks of a model with `n_layer` layers, in the order of the forward pass.
    pub fn all(n_layer: usize) -> Vec<Hook> {
        let mut hooks: Vec<Hook> =
            (0..n_layer).flat_map(|layer| Site::ALL.map(|site| Hook::At { layer, site })).collect();
        hooks.push(Hook::FinalResid);
        hooks
    }

    /// The hooks whose channels are nodes, in the order of [`Site::NODES`] per layer.
    pub fn node_hooks(n_layer: usize) -> Vec<Hook> {
        (0..n_layer).flat_map(|layer| Site::NODES.map(|site| Hook::At { layer, site })).collect()
    }

    /// Channels at this hook.
    pub fn width(self, config: &Config) -> usize {
        match self {
            Hook::FinalResid => config.d_model,
            Hook::At { site, .. } => site.width(config),
        }
    }

    /// Whether the hook exists in a model of this shape.
    pub fn exists(self, config: &Config) -> bool {
        match self {
            Hook::FinalResid => true,
            Hook::At { layer, .. } => layer < config.n_layer,
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hook::At { layer, site } => write!(f, "{layer}.{}", site.name()),
            Hook::FinalResid => f.write_str("final_resid"),
        }
    }
}

impl FromStr for Hook {
    type Err = Error;

    fn from_str(text: &str) -> Result<Hook> {
        if text == "final_resid" {
            return Ok(Hook::FinalResid);
        }
        text.split_once('.')
            .and_then(|(layer, name)| {
                let site = Site::ALL.into_iter().find(|site| site.name() == name)?;
                Some(Hook::At { layer: parse_index(layer)?, site })
            })
            .ok_or_else(|| Error::invalid(format!("\"{text}\" is not a hook; hooks look like 0.mlp.post_act")))
    }
}

/// One channel at a hook, written `HOOK.INDEX` with the flat index: `0.mlp.post_act.863`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "NodeId", type = "string"))]
pub struct Node {
    pub hook: Hook,
    pub index: usize,
}

impl Node {
    pub fn new(hook: Hook, index: usize) -> Node {
        Node { hook, index }
    }

    /// Whether a circuit may contain channels at this hook ([`Site::NODES`]).
    pub fn is_circuit_node(self) -> bool {
        matches!(self.hook, Hook::At { site, .. } if Site::NODES.contains(&site))
    }

    /// # Errors
    /// When the model has no such layer or channel.
    pub fn check(self, config: &Config) -> Result<()> {
        if !self.hook.exists(config) {
            return Err(Error::invalid(format!("node {self}: the model has only {} layers", config.n_layer)));
        }
        let width = self.hook.width(config);
        if self.index >= width {
            return Err(Error::invalid(format!("node {self}: {} has only {width} channels", self.hook)));
        }
        Ok(())
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.hook, self.index)
    }
}

impl FromStr for Node {
    type Err = Error;

    fn from_str(text: &str) -> Result<Node> {
        text.rsplit_once('.')
            .and_then(|(hook, index)| Some(Node { hook: hook.parse().ok()?, index: parse_index(index)? }))
            .ok_or_else(|| Error::invalid(format!("\"{text}\" is not a node; nodes look like 0.mlp.post_act.863")))
    }
}

/// Plain decimal digits only, so that every node has one spelling.
fn parse_index(text: &str) -> Option<usize> {
    let canonical = !text.is_empty()
        && text.len() <= 9
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use as_text;
as_text!(Hook);
as_text!(Node);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_a_round_trip() {
        for hook in Hook::all(12) {
            assert_eq!(hook.to_string().parse::<Hook>().unwrap(), hook);
            let node = Node::new(hook, 863);
            assert_eq!(node.to_string().parse::<Node>().unwrap(), node);
        }
        assert_eq!("0.mlp.post_act.863".parse::<Node>().unwrap().index, 863);
    }

    #[test]
    fn sites_are_ordered_as_they_are_listed() {
        assert!(Site::ALL.is_sorted() && Site::NODES.is_sorted());
        assert_eq!(
            Site::NODES.map(Site::name),
            [
                "attn.act_in",
                "attn.q",
                "attn.k",
                "attn.v",
                "attn.resid_delta",
                "mlp.act_in",
                "mlp.post_act",
                "mlp.resid_delta"
            ]
        );
        let hooks = Hook::all(2);
        assert!(hooks.is_sorted());
        assert!(hooks.iter().filter(|hook| Node::new(**hook, 0).is_circuit_node()).eq(&Hook::node_hooks(2)));
    }

    #[test]
    fn other_spellings_are_rejected() {
        for text in
            ["", ".", "0", "0.mlp", "0.mlp.post_act", "00.mlp.post_act.1", "0.mlp.post_act.01", "0.mlp.post_act.-1"]
        {
            assert!(text.parse::<Node>().is_err(), "{text}");
        }
        assert!("0.mlp.post_act.99999999999999999999".parse::<Node>().is_err());
    }
}
