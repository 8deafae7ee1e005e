//! The engine's wasm face on the CPU: a `Session` that the page's worker owns.

use super::engine::Engine;
use super::js::to_js;
use super::js_error;
use crate::backend::{Memory, cpu::Cpu, now_or_never};
use crate::circuit::explain::model_info;
use crate::tasks;
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// What [`Session::counterfactual`] answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Counterfactual {
    Text(String),
    Reason(String),
}

/// A model with its circuits, ready to run. Shapes of arguments and results are those of the page's `protocol.ts`.
#[wasm_bindgen]
pub struct Session {
    engine: Engine<Cpu>,
}

#[wasm_bindgen]
impl Session {
    /// From the bytes of a model file.
    #[wasm_bindgen(constructor)]
    pub fn new(model: &[u8]) -> Result<Session, JsError> {
        Ok(Session { engine: Engine::new(Cpu::new(), model).map_err(js_error)? })
    }

    /// `cpu`.
    pub fn backend(&self) -> String {
        self.engine.backend.name().into()
    }

    /// Takes the tokens' texts from the bytes of the `tokenizer.json` beside the model, for the `top` of a view.
    #[wasm_bindgen(js_name = setVocabulary)]
    pub fn set_vocabulary(&mut self, tokenizer_json: &[u8]) -> Result<(), JsError> {
        self.engine.set_vocabulary(tokenizer_json).map_err(js_error)
    }

    /// `ModelInfo`.
    #[wasm_bindgen(js_name = modelInfo)]
    pub fn model_info(&self) -> Result<JsValue, JsError> {
        to_js(&model_info(&self.engine.file.weights)).map_err(js_error)
    }

    /// Takes a circuit file's bytes and gives its `CircuitInfo`. A circuit for the same task is replaced.
    #[wasm_bindgen(js_name = addCircuit)]
    pub fn add_circuit(&mut self, json: &[u8]) -> Result<JsValue, JsError> {
        self.engine.add_circuit(json).map_err(js_error)
    }

    /// A `ViewRequest` to its `View`. The caller measures `ms`.
    pub fn run(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        now_or_never(self.engine.run(request)).map_err(js_error)
    }

    /// `{text}`: the prompt with its telling part swapped by the task's rule; or `{reason}`: a sentence why there is nothing to swap.
    pub fn counterfactual(&self, task: &str, text: &str) -> Result<JsValue, JsError> {
        let Some(task) = tasks::find(task) else {
            return Err(JsError::new(&format!("There is no task {task:?}.")));
        };
        let answer = match task.counterfactual(text) {
            Ok(text) => Counterfactual::Text(text),
            Err(reason) => Counterfactual::Reason(reason),
        };
        to_js(&answer).map_err(js_error)
    }
}
