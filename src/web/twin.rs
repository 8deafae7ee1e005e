//! The wasm package of the dense twin.

use super::js::{from_js, to_js};
use crate::Result;
use crate::backend::cpu::Cpu;
use crate::backend::now_or_never;
use crate::bridge::view::{TwinRequest, hybrid_view, twin_view};
use crate::bridge::{DeviceBridge, ModelPair};
use crate::format::{BridgeFile, bridge_file, model_file};
use crate::model::Model;
use crate::web::js_error;
use wasm_bindgen::prelude::*;

/// A sparse model and a dense one, with the bridge between them. Arguments and results are the types of the page's `protocol.gen.ts`.
#[wasm_bindgen]
pub struct Twin {
    backend: Cpu,
    sparse: Model<Cpu>,
    dense: Model<Cpu>,
    file: BridgeFile,
    bridge: DeviceBridge<Cpu>,
}

#[wasm_bindgen]
impl Twin {
    /// From the bytes of the three files.
    #[wasm_bindgen(constructor)]
    pub fn new(sparse: &[u8], dense: &[u8], bridge: &[u8]) -> std::result::Result<Twin, JsError> {
        Twin::open(sparse, dense, bridge).map_err(js_error)
    }

    /// `{TASK: NODE}`: the channel that the bridge file names for each task. Tasks without one are
    /// missing.
    pub fn channels(&self) -> std::result::Result<JsValue, JsError> {
        to_js(&self.file.bridge.channels).map_err(js_error)
    }

    /// Runs a `TwinRequest` and returns its `TwinView`.
    pub fn steer(&mut self, request: JsValue) -> std::result::Result<JsValue, JsError> {
        self.steered(request).map_err(js_error)
    }

    /// The `HybridView` of a prompt. `first` and `second` are the token ids of the candidates.
    pub fn hybrid(&mut self, tokens: &[u32], first: u32, second: u32) -> std::result::Result<JsValue, JsError> {
        let Twin { backend, sparse, dense, file, bridge } = self;
        let models = ModelPair { sparse, dense, bridge: &file.bridge };
        now_or_never(hybrid_view(backend, models, bridge, tokens, [first, second]))
            .and_then(|view| to_js(&view))
            .map_err(js_error)
    }
}

impl Twin {
    fn open(sparse: &[u8], dense: &[u8], bridge: &[u8]) -> Result<Twin> {
        let (sparse, dense) = (model_file::read(sparse)?, model_file::read(dense)?);
        let file = bridge_file::read(bridge)?;
        file.check(&sparse.weights, &dense.weights)?;
        let mut backend = Cpu::new();
        let [sparse, dense] = [sparse, dense].map(|file| file.weights.upload(&mut backend));
        let bridge = DeviceBridge::new(&mut backend, &file.bridge);
        Ok(Twin { backend, sparse, dense, file, bridge })
    }

    fn steered(&mut self, request: JsValue) -> Result<JsValue> {
        let request: TwinRequest = from_js("steering", request)?;
        let Twin { backend, sparse, dense, file, .. } = self;
        let models = ModelPair { sparse, dense, bridge: &file.bridge };
        to_js(&now_or_never(twin_view(backend, models, &request))?)
    }
}
