//! A model with its circuits on one backend: what both wasm faces of the engine share.

use crate::backend::Backend;
use crate::circuit::explain::inspect::{Ask, View, circuit_info, view};
use crate::circuit::{Circuit, Edits};
use crate::format::{ModelFile, circuit_file, model_file};
use crate::model::{Model, Node};
use crate::web::js::to_js;
use crate::{Error, Result, bail, tasks};
use js_sys::{Array, Float32Array, Object, Reflect};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::mem::take;
use wasm_bindgen::prelude::*;

/// Shapes of arguments and results are those of the page's `protocol.ts`.
pub struct Engine<B: Backend> {
    pub file: ModelFile,
    pub backend: B,
    model: Model<B>,
    /// By task.
    circuits: BTreeMap<String, Circuit>,
    /// Texts of the tokens, by id; empty where none were given.
    vocabulary: Vec<String>,
}

#[derive(Deserialize)]
struct Prompt {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Token {
    id: u32,
}

#[derive(Deserialize)]
struct RunRequest {
    task: String,
    a: Prompt,
    b: Option<Prompt>,
    edits: Edits,
    node: Option<Node>,
    token: Option<usize>,
}

impl<B: Backend> Engine<B> {
    /// From the bytes of a model file.
    pub fn new(mut backend: B, model: &[u8]) -> Result<Engine<B>> {
        let file = model_file::read(model)?;
        let model = file.weights.upload(&mut backend);
        Ok(Engine { file, backend, model, circuits: BTreeMap::new(), vocabulary: Vec::new() })
    }

    /// Takes the tokens' texts from the bytes of the `tokenizer.json` beside the model, for the `top` of a view.
    pub fn set_vocabulary(&mut self, tokenizer_json: &[u8]) -> Result<()> {
        self.vocabulary = crate::format::vocabulary::read(tokenizer_json)?;
        Ok(())
    }

    /// Takes a circuit file's bytes and gives its `CircuitInfo`. A circuit for the same task is replaced.
    pub fn add_circuit(&mut self, json: &[u8]) -> Result<JsValue> {
        let file = circuit_file::read(json)?;
        file.check(&self.file.weights)?;
        let circuit = file.circuit;
        let info = circuit_info(&self.file.weights, &self.file.means, &circuit)?;
        self.circuits.insert(circuit.task.clone(), circuit);
        to_js(&info)
    }

    /// A `RunRequest` to its `View`; `ms` is the caller's to measure.
    pub async fn run(&mut self, request: JsValue) -> Result<JsValue> {
        let request: RunRequest = serde_wasm_bindgen::from_value(request)
            .map_err(|error| Error::invalid(format!("this is not a run that the engine understands: {error}")))?;
        let Some(circuit) = self.circuits.get(&request.task) else {
            bail!("no circuit for the task {:?} has been loaded", request.task);
        };
        let ids = |prompt: &Prompt| prompt.tokens.iter().map(|token| token.id).collect::<Vec<u32>>();
        let (a, b) = (ids(&request.a), request.b.as_ref().map(ids));
        let ask = Ask {
            a: &a,
            b: b.as_deref(),
            edits: &request.edits,
            circuit,
            means: &self.file.means,
            node: request.node,
            token: request.token,
            candidates: tasks::find(&request.task).map_or(["the first", "the second"], |task| task.candidates),
        };
        let mut view = view(&mut self.backend, &self.model, &self.file.weights, &ask).await?;
        for token in &mut view.top {
            token.text = self.vocabulary.get(token.id as usize).cloned().unwrap_or_default();
        }
        view_to_js(view)
    }
}

/// As [`to_js`], with `Float32Array`s where `protocol.ts` has them.
fn view_to_js(mut view: View) -> Result<JsValue> {
    let activations = rows(take(&mut view.activations));
    let embedding = rows(take(&mut view.embedding));
    let attention: Vec<JsValue> = view.attention.iter_mut().map(|head| floats(take(&mut head.weights))).collect();
    let detail = view.detail.as_mut().map(|detail| {
        let attention = detail.attention.as_mut();
        (
            floats(take(&mut detail.values)),
            attention.map(|a| (floats(take(&mut a.weights)), a.channel_score.take().map(floats))),
        )
    });

    let object = to_js(&view)?;
    put(&object, "activations", activations);
    put(&object, "embedding", embedding);
    put(&object, "ms", 0.into());
    for (head, weights) in Array::from(&get(&object, "attention")).iter().zip(attention) {
        put(&head, "weights", weights);
    }
    if let Some((values, attention)) = detail {
        let object = get(&object, "detail");
        put(&object, "values", values);
        if let Some((weights, scores)) = attention {
            let object = get(&object, "attention");
            put(&object, "weights", weights);
            put(&object, "channelScore", scores.unwrap_or(JsValue::NULL));
        }
    }
    Ok(object)
}

fn floats(values: Vec<f32>) -> JsValue {
    Float32Array::from(&values[..]).into()
}

fn rows(rows: Vec<Vec<f32>>) -> JsValue {
    rows.into_iter().map(floats).collect::<Array>().into()
}

/// Both only see objects that [`to_js`] has made, where neither can fail.
pub fn put(object: &JsValue, key: &str, value: JsValue) {
    debug_assert!(object.is_instance_of::<Object>());
    let _ = Reflect::set(object, &key.into(), &value);
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}
