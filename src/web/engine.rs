//! A model with its circuits on one backend, shared by `pkg/engine` and `pkg/engine-webgpu`.

use crate::backend::Backend;
use crate::circuit::Circuit;
use crate::circuit::explain::{
    FlipControlRequest, References, Subject, View, ViewRequest, circuit_info, flip_control, view,
};
use crate::format::{ModelFile, circuit_file, model_file};
use crate::model::Model;
use crate::web::js::{from_js, to_js};
use crate::{Result, bail};
use js_sys::{Float32Array, Object, Reflect};
use std::mem::take;
use wasm_bindgen::prelude::*;

/// Arguments and results are the types of the page's `protocol.gen.ts`.
pub struct Engine<B: Backend> {
    pub file: ModelFile,
    pub backend: B,
    model: Model<B>,
    /// At most one for each task.
    circuits: Vec<Circuit>,
    references: References,
    /// The text of each token id; empty if no tokenizer was given.
    vocabulary: Vec<String>,
}

impl<B: Backend> Engine<B> {
    /// From the bytes of a model file.
    pub fn new(mut backend: B, model: &[u8]) -> Result<Engine<B>> {
        let file = model_file::read(model)?;
        let model = file.weights.upload(&mut backend);
        let references = References::default();
        Ok(Engine { file, backend, model, circuits: Vec::new(), references, vocabulary: Vec::new() })
    }

    /// Reads the text of each token from a `tokenizer.json`, for `View.top`.
    pub fn set_vocabulary(&mut self, tokenizer_json: &[u8]) -> Result<()> {
        self.vocabulary = crate::format::vocabulary::read(tokenizer_json)?;
        Ok(())
    }

    /// Adds the circuit of a circuit file and returns its `CircuitInfo`. It replaces an earlier
    /// circuit of the same task.
    pub fn add_circuit(&mut self, json: &[u8]) -> Result<JsValue> {
        let file = circuit_file::read(json)?;
        file.check(&self.file.weights)?;
        let circuit = file.circuit;
        let info = circuit_info(&self.file.weights, &self.file.means, &circuit)?;
        self.references = References::default();
        self.circuits.retain(|other| other.task != circuit.task);
        self.circuits.push(circuit);
        to_js(&info)
    }

    /// Runs a `ViewRequest` and returns its `View`. The caller sets `ms`.
    pub async fn run(&mut self, request: JsValue) -> Result<JsValue> {
        let request: ViewRequest = from_js("run", request)?;
        let Some(circuit) = self.circuits.iter().find(|circuit| circuit.task == request.task) else {
            bail!("no circuit for the task {:?} has been loaded", request.task);
        };
        let subject = Subject { model: &self.model, weights: &self.file.weights, means: &self.file.means, circuit };
        let mut view = view(&mut self.backend, subject, &request, &mut self.references).await?;
        for token in &mut view.top {
            token.text = self.vocabulary.get(token.id as usize).cloned().unwrap_or_default();
        }
        view_to_js(view)
    }

    /// A `FlipControlRequest` to its `FlipControl`.
    pub async fn flip_control(&mut self, request: JsValue) -> Result<JsValue> {
        let request: FlipControlRequest = from_js("flip", request)?;
        let Some(circuit) = self.circuits.iter().find(|circuit| circuit.task == request.task) else {
            bail!("no circuit for the task {:?} has been loaded", request.task);
        };
        let subject = Subject { model: &self.model, weights: &self.file.weights, means: &self.file.means, circuit };
        to_js(&flip_control(&mut self.backend, subject, &request).await?)
    }
}

/// As [`to_js`], with `Float32Array`s for the tables.
fn view_to_js(mut view: View) -> Result<JsValue> {
    let tables = [
        ("activations", floats(take(&mut view.activations))),
        ("embedding", floats(take(&mut view.embedding))),
        ("attention", floats(take(&mut view.attention))),
    ];
    let pattern = view.pattern.take().map(floats);
    let detail = view.detail.as_mut().map(|detail| {
        let attention = detail.attention.as_mut();
        let attention = attention.map(|a| (floats(take(&mut a.weights)), a.channel_score.take().map(floats)));
        (floats(take(&mut detail.values)), attention)
    });

    let object = to_js(&view)?;
    for (key, table) in tables {
        put(&object, key, table);
    }
    if let Some(pattern) = pattern {
        put(&object, "pattern", pattern);
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

/// `object` comes from [`to_js`], so that setting a property cannot fail.
fn put(object: &JsValue, key: &str, value: JsValue) {
    debug_assert!(object.is_instance_of::<Object>());
    let _ = Reflect::set(object, &key.into(), &value);
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}
