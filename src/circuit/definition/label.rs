//! What a circuit file says about a node: a name, or what was measured on the task's prompts.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", from = "Stored")]
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
#[serde(tag = "kind", rename_all = "camelCase")]
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
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum NodeContrast {
    /// Most pairs differ in these two tokens.
    Tokens { higher: String, lower: String },
    /// The answer of the prompt with which it is higher.
    Answer { text: String },
}

/// As files hold a label. Earlier versions wrote text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Fact(Fact),
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Fact {
    Name { text: String },
    Words { text: String },
    Measured(Behaviour),
}

/// What the text of a measured label began with: the kind of its node.
const KINDS: [&str; 7] = ["read", "query", "key", "value", "write", "neuron", "output"];

impl From<Stored> for Label {
    fn from(stored: Stored) -> Label {
        match stored {
            Stored::Text(text) => match text.split_once(": ") {
                Some((kind, words)) if KINDS.contains(&kind) => Label::Words { text: words.into() },
                _ => Label::Name { text },
            },
            Stored::Fact(Fact::Name { text }) => Label::Name { text },
            Stored::Fact(Fact::Words { text }) => Label::Words { text },
            Stored::Fact(Fact::Measured(behaviour)) => Label::Measured(behaviour),
        }
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
    fn other_shapes_are_refused() {
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
