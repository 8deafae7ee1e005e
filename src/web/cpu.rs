//! The WASM interface of the engine on the CPU: a `Session`, owned by the page's worker.

use super::engine::Engine;
use super::js::to_js;
use super::js_error;
use crate::backend::{Memory, cpu::Cpu, now_or_never};
use crate::circuit::explain::model_info;
use wasm_bindgen::prelude::*;

/// A model with its circuits, ready to run. Arguments and results are the types of the page's
/// `protocol.gen.ts`.
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

    /// The name of the backend: `cpu`.
    pub fn backend(&self) -> String {
        self.engine.backend.name().into()
    }

    /// Reads the text of each token from a `tokenizer.json`, for `View.top`.
    #[wasm_bindgen(js_name = setVocabulary)]
    pub fn set_vocabulary(&mut self, tokenizer_json: &[u8]) -> Result<(), JsError> {
        self.engine.set_vocabulary(tokenizer_json).map_err(js_error)
    }

    /// `ModelInfo`.
    #[wasm_bindgen(js_name = modelInfo)]
    pub fn model_info(&self) -> Result<JsValue, JsError> {
        to_js(&model_info(&self.engine.file.weights)).map_err(js_error)
    }

    /// Adds the circuit of a circuit file and returns its `CircuitInfo`. It replaces an earlier
    /// circuit of the same task.
    #[wasm_bindgen(js_name = addCircuit)]
    pub fn add_circuit(&mut self, json: &[u8]) -> Result<JsValue, JsError> {
        self.engine.add_circuit(json).map_err(js_error)
    }

    /// Runs a `ViewRequest` and returns its `View`. The caller sets `ms`.
    pub fn run(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        now_or_never(self.engine.run(request)).map_err(js_error)
    }

    /// A `FlipControlRequest` to its `FlipControl`.
    #[wasm_bindgen(js_name = flipControl)]
    pub fn flip_control(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        now_or_never(self.engine.flip_control(request)).map_err(js_error)
    }
}
