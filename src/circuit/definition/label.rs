//! The label of a node in a circuit file: a name, or a description measured on the task's prompts.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Label {
    /// A name that somebody gave: "quote detector".
    Name { text: String },
    /// What a measurement found, in words. Only files of earlier versions have it.
    Words { text: String },
    /// What a measurement found, as facts.
    Measured(Behaviour),
}

/// What a node does on the task's prompts in circuit mode. Where nothing is set, no token and no answer explains its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default)]
pub struct Behaviour {
    /// The value that it has, or nearly, at every token of every prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steady: Option<f64>,
    /// When it departs most from its usual value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moment: Option<Moment>,
    /// With which prompt of a pair it is higher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<NodeContrast>,
}

/// When a node departs from its usual value. Tokens are texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", try_from = "StoredMoment")]
pub enum Moment {
    /// At one or two tokens.
    At { level: Level, tokens: Vec<String> },
    /// From a token on, to the end of the prompt.
    From { level: Level, token: String },
    /// Higher at one token, lower at another. Neither explains all of it.
    Leans { higher: Option<String>, lower: Option<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum Level {
    High,
    Low,
}

/// With which of a pair's two prompts a node is higher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", try_from = "StoredContrast")]
pub enum NodeContrast {
    /// Most pairs differ in these two tokens.
    Tokens { higher: String, lower: String },
    /// The answer of the prompt with which it is higher.
    Answer { text: String },
}

// What files hold, as plain structs with optional fields. serde's code for tagged and untagged enums would add 40 KB to the page's
// engine.

#[derive(Deserialize)]
struct StoredLabel {
    kind: LabelKind,
    text: Option<String>,
    steady: Option<f64>,
    moment: Option<Moment>,
    contrast: Option<NodeContrast>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum LabelKind {
    Name,
    Words,
    Measured,
}

#[derive(Deserialize)]
struct StoredMoment {
    kind: MomentKind,
    level: Option<Level>,
    tokens: Option<Vec<String>>,
    token: Option<String>,
    higher: Option<String>,
    lower: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum MomentKind {
    At,
    From,
    Leans,
}

#[derive(Deserialize)]
struct StoredContrast {
    kind: ContrastKind,
    higher: Option<String>,
    lower: Option<String>,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum ContrastKind {
    Tokens,
    Answer,
}

/// What the text of a measured label began with: the kind of its node.
const KINDS: [&str; 7] = ["read", "query", "key", "value", "write", "neuron", "output"];

const MISSING: &str = "the label of a node lacks a field of its kind";

impl TryFrom<StoredMoment> for Moment {
    type Error = &'static str;

    fn try_from(stored: StoredMoment) -> Result<Moment, &'static str> {
        let StoredMoment { kind, level, tokens, token, higher, lower } = stored;
        Ok(match kind {
            MomentKind::At => Moment::At { level: level.ok_or(MISSING)?, tokens: tokens.ok_or(MISSING)? },
            MomentKind::From => Moment::From { level: level.ok_or(MISSING)?, token: token.ok_or(MISSING)? },
            MomentKind::Leans => Moment::Leans { higher, lower },
        })
    }
}

impl TryFrom<StoredContrast> for NodeContrast {
    type Error = &'static str;

    fn try_from(stored: StoredContrast) -> Result<NodeContrast, &'static str> {
        let StoredContrast { kind, higher, lower, text } = stored;
        Ok(match kind {
            ContrastKind::Tokens => {
                NodeContrast::Tokens { higher: higher.ok_or(MISSING)?, lower: lower.ok_or(MISSING)? }
            }
            ContrastKind::Answer => NodeContrast::Answer { text: text.ok_or(MISSING)? },
        })
    }
}

/// An object with a `kind`, or the text that earlier versions wrote.
impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Label, D::Error> {
        struct LabelVisitor;
        impl<'de> Visitor<'de> for LabelVisitor {
            type Value = Label;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the label of a node: an object with a kind, or text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Label, E> {
                Ok(match text.split_once(": ") {
                    Some((kind, words)) if KINDS.contains(&kind) => Label::Words { text: words.into() },
                    _ => Label::Name { text: text.into() },
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Label, A::Error> {
                let StoredLabel { kind, text, steady, moment, contrast } =
                    Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                let text = text.ok_or_else(|| A::Error::custom(MISSING));
                Ok(match kind {
                    LabelKind::Name => Label::Name { text: text? },
                    LabelKind::Words => Label::Words { text: text? },
                    LabelKind::Measured => Label::Measured(Behaviour { steady, moment, contrast }),
                })
            }
        }
        deserializer.deserialize_any(LabelVisitor)
    }
}

impl Label {
    /// Every text in the label: a file must not hold long ones.
    pub fn texts(&self) -> Vec<&str> {
        let Behaviour { moment, contrast, .. } = match self {
            Label::Name { text } | Label::Words { text } => return vec![text],
            Label::Measured(behaviour) => behaviour,
        };
        let mut texts: Vec<&str> = match moment {
            Some(Moment::At { tokens, .. }) => tokens.iter().map(String::as_str).collect(),
            Some(Moment::From { token, .. }) => vec![token],
            Some(Moment::Leans { higher, lower }) => {
                [higher, lower].into_iter().flatten().map(String::as_str).collect()
            }
            None => Vec::new(),
        };
        match contrast {
            Some(NodeContrast::Tokens { higher, lower }) => texts.extend([higher.as_str(), lower]),
            Some(NodeContrast::Answer { text }) => texts.push(text),
            None => {}
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Label {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn text_of_earlier_files_is_a_name_or_a_measurement_in_words() {
        assert_eq!(read(r#""quote detector: double""#), Label::Name { text: "quote detector: double".into() });
        assert_eq!(read(r#""key: high at if""#), Label::Words { text: "high at if".into() });
    }

    #[test]
    fn labels_survive_a_round_trip() {
        let measured = |moment, contrast| Label::Measured(Behaviour { steady: Some(0.5), moment, contrast });
        let [a, b] = ["(\"", "('"].map(String::from);
        for label in [
            Label::Name { text: "key: a name".into() },
            Label::Words { text: "high at if".into() },
            Label::Measured(Behaviour::default()),
            measured(
                Some(Moment::At { level: Level::High, tokens: vec![a.clone(), b.clone()] }),
                Some(NodeContrast::Answer { text: b.clone() }),
            ),
            measured(
                Some(Moment::From { level: Level::Low, token: a.clone() }),
                Some(NodeContrast::Tokens { higher: a.clone(), lower: b }),
            ),
            measured(Some(Moment::Leans { higher: None, lower: Some(a) }), None),
        ] {
            let text = serde_json::to_string(&label).unwrap();
            assert_eq!(read(&text), label, "{text}");
        }
    }

    #[test]
    fn other_shapes_are_rejected() {
        for json in [
            r#"{"kind":"song","text":"x"}"#,
            r#"{"text":"x"}"#,
            "7",
            "null",
            r#"{"kind":"measured","moment":{"kind":"at"}}"#,
        ] {
            assert!(serde_json::from_str::<Label>(json).is_err(), "{json}");
        }
    }
}
