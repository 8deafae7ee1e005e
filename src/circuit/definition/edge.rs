//! The name of an edge that can be switched off.

use super::maps::MAPS;
use super::target::Target;
use crate::model::{Config, Hook, Node, Site};
use crate::{Error, Result, bail};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A direct path from a node to a node or logit that reads it, written `FROM:TO`: `0.mlp.act_in.5:0.mlp.post_act.863`. There are two
/// kinds: a weight between two sites of a layer, and the residual stream from a write to a later read or a logit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "`${string}:${string}`"))]
pub struct EdgeId {
    pub from: Node,
    pub to: Target,
}

impl EdgeId {
    /// Whether a model of this shape has the path. A weight of 0 counts as a path.
    ///
    /// # Errors
    /// A node that the model does not have; two nodes of which the second does not read the first directly.
    pub fn check(self, config: &Config) -> Result<()> {
        let EdgeId { from, to } = self;
        from.check(config)?;
        let refuse = |why: &str| bail!("the edge {self} cannot be switched off: {why}");
        let Hook::At { layer, site } = from.hook else { return refuse("it does not start at a node of a circuit") };
        let writes = matches!(site, Site::AttnResidDelta | Site::MlpResidDelta);
        let to = match to {
            Target::Logit(_) if writes => return Ok(()),
            Target::Logit(_) => return refuse("only what writes to the residual stream leads to a logit"),
            Target::Node(to) => to,
        };
        to.check(config)?;
        let reads = matches!(to.hook, Hook::At { site: Site::AttnActIn | Site::MlpActIn, .. });
        match to.hook {
            Hook::At { layer: at, site: reader } if at == layer && MAPS.contains(&[site, reader]) => Ok(()),
            _ if writes && reads && to.index != from.index => {
                refuse("a write reaches only reads of its own channel of the residual stream")
            }
            _ if writes && reads && to.hook < from.hook => refuse("the read comes before the write"),
            _ if writes && reads => Ok(()),
            _ if matches!(site, Site::AttnQ | Site::AttnK) => {
                refuse("queries and keys are multiplied with each other; no weight follows them")
            }
            _ => refuse("no weight leads directly from the one to the other"),
        }
    }
}

impl fmt::Display for EdgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.from, self.to)
    }
}

impl FromStr for EdgeId {
    type Err = Error;

    fn from_str(text: &str) -> Result<EdgeId> {
        let Some((from, to)) = text.split_once(':') else {
            bail!("\"{text}\" is not an edge; edges look like 0.mlp.act_in.5:0.mlp.post_act.863");
        };
        if from == "embedding" {
            bail!("an edge from the embedding cannot be switched off: the embedding has no mean");
        }
        Ok(EdgeId { from: from.parse()?, to: to.parse()? })
    }
}

crate::model::as_text!(EdgeId);
