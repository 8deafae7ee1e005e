//! The WASM interface of the engine on WebGPU. The page's worker also has a `Session` on the CPU.
//! It answers requests that need no device (model info), and runs
//! everything after the device has failed.

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

    /// The name of the backend: `webgpu`.
    pub fn backend(&self) -> String {
        self.engine.backend.name().into()
    }

    /// Whether the adapter is software that computes on the CPU. Its times are meaningless for a
    /// GPU.
    #[wasm_bindgen(js_name = isSoftware)]
    pub fn is_software(&self) -> bool {
        self.engine.backend.is_software()
    }

    /// Reads the text of each token from a `tokenizer.json`, for `View.top`.
    #[wasm_bindgen(js_name = setVocabulary)]
    pub fn set_vocabulary(&mut self, tokenizer_json: &[u8]) -> Result<(), JsError> {
        self.engine.set_vocabulary(tokenizer_json).map_err(js_error)
    }

    /// Adds the circuit of a circuit file and returns its `CircuitInfo`. It replaces an earlier
    /// circuit of the same task.
    #[wasm_bindgen(js_name = addCircuit)]
    pub fn add_circuit(&mut self, json: &[u8]) -> Result<JsValue, JsError> {
        self.engine.add_circuit(json).map_err(js_error)
    }

    /// Runs a `ViewRequest` and returns its `View`. The caller sets `ms`.
    pub async fn run(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        self.engine.run(request).await.map_err(js_error)
    }

    /// A `FlipControlRequest` to its `FlipControl`.
    #[wasm_bindgen(js_name = flipControl)]
    pub async fn flip_control(&mut self, request: JsValue) -> Result<JsValue, JsError> {
        self.engine.flip_control(request).await.map_err(js_error)
    }

    /// A promise that resolves with the first error of the device, as a string, even while nothing
    /// runs.
    pub fn trouble(&self) -> Promise {
        let trouble = self.engine.backend.trouble();
        future_to_promise(async move { Ok(trouble.await.into()) })
    }

    /// Destroys the device and frees its memory.
    pub fn close(self) {
        self.engine.backend.destroy();
    }
}
