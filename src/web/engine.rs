//! The engine's wasm face: a `Session` that the page's worker owns.

use crate::backend::cpu::Cpu;
use crate::backend::{Backend, ready};
use crate::circuit::inspect::{Ask, View, circuit_info, model_info, view};
use crate::circuit::{Circuit, Edits};
use crate::format::{ModelFile, circuit_file, model_file};
use crate::model::{Model, Node};
use crate::web::js_error;
use crate::{Error, Result, bail, tasks};
use js_sys::{Array, Float32Array, Object, Reflect};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::mem::take;
use wasm_bindgen::prelude::*;

/// A model with its circuits, ready to run. Shapes of arguments and results are those of the page's `protocol.ts`.
#[wasm_bindgen]
pub struct Session {
    file: ModelFile,
    backend: Cpu,
    model: Model<Cpu>,
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

#[wasm_bindgen]
impl Session {
    /// From the bytes of a model file.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Session, JsError> {
        let file = model_file::read(model).map_err(js_error)?;
        let mut backend = Cpu::new();
        let model = Model::new(&mut backend, &file.weights);
        Ok(Session { file, backend, model, circuits: BTreeMap::new(), vocabulary: Vec::new() })
    }

    /// Takes the tokens' texts from the bytes of the `tokenizer.json` beside the model, for the `top` of a view.
    #[wasm_bindgen(js_name = setVocabulary)]
    pub fn set_vocabulary(&mut self, tokenizer_json: &[u8]) -> Result<(), JsError> {
        self.vocabulary = crate::format::vocabulary::read(tokenizer_json).map_err(js_error)?;
        Ok(())
    }

    /// `cpu` or `webgpu`.
    pub fn backend(&self) -> String {
        self.backend.name().into()
    }

    /// `ModelInfo` without the file's name.
    #[wasm_bindgen(js_name = modelInfo)]
    pub fn model_info(&self) -> Result<JsValue, JsError> {
        let info = to_js(&model_info(&self.file.weights)).map_err(js_error)?;
        let known = tasks::TASKS.iter().map(|task| BTreeMap::from([("name", task.name), ("title", task.title)]));
        put(&info, "tasks", to_js(&known.collect::<Vec<_>>()).map_err(js_error)?);
        Ok(info)
    }

    /// Takes a circuit file's bytes and gives its `CircuitInfo`. A circuit for the same task is replaced.
    #[wasm_bindgen(js_name = addCircuit)]
    pub fn add_circuit(&mut self, json: &[u8]) -> Result<JsValue, JsError> {
        self.added(json).map_err(js_error)
    }

    /// A `RunRequest` to its `View`; `ms` is the caller's to measure.
    pub fn run(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        self.viewed(request).map_err(js_error)
    }

    /// `{text}`: the prompt with its telling part swapped by the task's rule; or `{reason}`: a sentence why there is nothing to swap.
    pub fn counterfactual(&self, task: &str, text: &str) -> Result<JsValue, JsError> {
        let Some(task) = tasks::find(task) else {
            return Err(JsError::new(&format!("There is no task {task:?}.")));
        };
        let (key, text) = match task.counterfactual(text) {
            Ok(text) => ("text", text),
            Err(reason) => ("reason", reason),
        };
        to_js(&BTreeMap::from([(key, text)])).map_err(js_error)
    }
}

impl Session {
    fn added(&mut self, json: &[u8]) -> Result<JsValue> {
        let file = circuit_file::read(json)?;
        file.check(&self.file.weights)?;
        let circuit = file.circuit;
        let info = circuit_info(&self.file.weights, &self.file.means, &circuit)?;
        self.circuits.insert(circuit.task.clone(), circuit);
        to_js(&info)
    }

    fn viewed(&mut self, request: JsValue) -> Result<JsValue> {
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
        let mut view = ready(view(&mut self.backend, &self.model, &self.file.weights, &ask))?;
        for token in &mut view.top {
            token.text = self.vocabulary.get(token.id as usize).cloned().unwrap_or_default();
        }
        view_to_js(view)
    }
}

/// Plain objects and arrays; absent values are `null`.
pub(super) fn to_js(value: &impl Serialize) -> Result<JsValue> {
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| Error::invalid(format!("a result could not be handed to the page: {error}")))
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
fn put(object: &JsValue, key: &str, value: JsValue) {
    debug_assert!(object.is_instance_of::<Object>());
    let _ = Reflect::set(object, &key.into(), &value);
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}
