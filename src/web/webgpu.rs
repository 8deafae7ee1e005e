//! The engine's wasm face on WebGPU. The page's worker has a `Session` on the CPU as well, which answers what needs no device (what
//! model this is, a prompt's counterfactual) and takes over when the device fails.

use super::engine::Engine;
use super::js_error;
use crate::backend::{Memory, gpu::Gpu};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// A model with its circuits on a WebGPU device. Only one call at a time: the next one must wait for the answer.
#[wasm_bindgen]
pub struct WebGpuSession {
    engine: Engine<Gpu>,
}

#[wasm_bindgen]
impl WebGpuSession {
    /// From the bytes of a model file. Asks for a device.
    pub async fn open(model: Vec<u8>) -> Result<WebGpuSession, JsError> {
        let gpu = Gpu::new().await.map_err(js_error)?;
        Ok(WebGpuSession { engine: Engine::new(gpu, &model).map_err(js_error)? })
    }

    /// `webgpu`.
    pub fn backend(&self) -> String {
        self.engine.backend.name().into()
    }

    /// Whether the adapter computes on the CPU: its times say nothing about a GPU.
    #[wasm_bindgen(js_name = isSoftware)]
    pub fn is_software(&self) -> bool {
        self.engine.backend.is_software()
    }

    /// Takes the tokens' texts from the bytes of the `tokenizer.json` beside the model, for the `top` of a view.
    #[wasm_bindgen(js_name = setVocabulary)]
    pub fn set_vocabulary(&mut self, tokenizer_json: &[u8]) -> Result<(), JsError> {
        self.engine.set_vocabulary(tokenizer_json).map_err(js_error)
    }

    /// Takes a circuit file's bytes and gives its `CircuitInfo`. A circuit for the same task is replaced.
    #[wasm_bindgen(js_name = addCircuit)]
    pub fn add_circuit(&mut self, json: &[u8]) -> Result<JsValue, JsError> {
        self.engine.add_circuit(json).map_err(js_error)
    }

    /// A `ViewRequest` to its `View`. The caller measures `ms`.
    pub async fn run(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        self.engine.run(request).await.map_err(js_error)
    }

    /// A promise of the first thing that goes wrong on the device (a string), also while nothing runs.
    pub fn trouble(&self) -> Promise {
        let trouble = self.engine.backend.trouble();
        future_to_promise(async move { Ok(trouble.await.into()) })
    }

    /// Gives the device back.
    pub fn close(self) {
        self.engine.backend.destroy();
    }
}
