//! What an edge leads to and what a panel can show: a node or a logit.

use crate::model::Node;
use crate::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A node, or the raw logit of the first (0) or second (1) candidate. Written as the node, `logit.0` or `logit.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "NodeId | 'logit.0' | 'logit.1'"))]
pub enum Target {
    Node(Node),
    Logit(usize),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Node(node) => node.fmt(f),
            Target::Logit(candidate) => write!(f, "logit.{candidate}"),
        }
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Target> {
        match text {
            "logit.0" => Ok(Target::Logit(0)),
            "logit.1" => Ok(Target::Logit(1)),
            node => node.parse().map(Target::Node),
        }
    }
}

crate::model::as_text!(Target);
