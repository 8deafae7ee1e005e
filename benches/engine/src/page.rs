//! The wasm face of [`crate::sides`], for www/bench.html.

use crate::sides::{Patience, plan, row};
use serde::{Deserialize, Serialize};
use sparse_circuits::backend::gpu::{Gpu, NO_ADAPTER};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// Both backends, side by side.
#[wasm_bindgen]
pub struct Sides {
    gpu: Option<Gpu>,
}

#[derive(Serialize, Deserialize)]
struct Wanted {
    what: String,
    shape: crate::sides::Shape,
}

#[wasm_bindgen]
impl Sides {
    /// Without an adapter the CPU is measured alone.
    pub async fn open() -> Result<Sides, JsError> {
        match Gpu::new().await {
            Ok(gpu) => Ok(Sides { gpu: Some(gpu) }),
            Err(error) if error.to_string().contains(NO_ADAPTER) => Ok(Sides { gpu: None }),
            Err(error) => Err(error.into()),
        }
    }

    /// The adapter's name; none without an adapter.
    pub fn device(&self) -> Option<String> {
        self.gpu.as_ref().map(|gpu| gpu.description().to_string())
    }

    /// Whether the adapter computes on the CPU: its times say nothing about a GPU.
    #[wasm_bindgen(js_name = isSoftware)]
    pub fn is_software(&self) -> bool {
        self.gpu.as_ref().is_some_and(Gpu::is_software)
    }

    /// What is to be measured, as a list for [`Sides::row`].
    pub fn plan(&self) -> Result<JsValue, JsError> {
        let all = self.gpu.is_some() && !self.is_software();
        let wanted: Vec<Wanted> =
            plan(all).into_iter().map(|(what, shape)| Wanted { what: what.into(), shape }).collect();
        to_js(&wanted)
    }

    /// Measures one of the plan's.
    pub async fn row(&mut self, wanted: JsValue) -> Result<JsValue, JsError> {
        let Wanted { what, shape } = serde_wasm_bindgen::from_value(wanted)?;
        let patience = if self.is_software() { Patience::QUICK } else { Patience::FULL };
        to_js(&row(self.gpu.as_mut(), &what, shape, patience, &|| now()).await?)
    }
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}
