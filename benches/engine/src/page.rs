//! The WASM interface of [`crate::compare_backends`], for www/bench.html.

use crate::compare_backends::{self, Shape, plan};
use serde::{Deserialize, Serialize};
use sparse_circuits::backend::gpu::{Gpu, NO_ADAPTER};
use wasm_bindgen::prelude::*;

/// Milliseconds of the browser's clock. The page loads this package on its own thread.
fn now() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(f64::NAN, |clock| clock.now())
}

/// Both backends of this browser.
#[wasm_bindgen(js_name = "Sides")]
pub struct Comparison(compare_backends::Comparison);

#[derive(Serialize, Deserialize)]
struct Measurement {
    what: String,
    shape: Shape,
}

#[wasm_bindgen(js_class = "Sides")]
impl Comparison {
    /// Without an adapter, only the CPU is measured.
    pub async fn open() -> Result<Comparison, JsError> {
        match Gpu::new().await {
            Ok(gpu) => Ok(Comparison(compare_backends::Comparison::new(Some(gpu)))),
            Err(error) if error.to_string().contains(NO_ADAPTER) => {
                Ok(Comparison(compare_backends::Comparison::new(None)))
            }
            Err(error) => Err(error.into()),
        }
    }

    #[wasm_bindgen(js_name = hasDevice)]
    pub fn has_device(&self) -> bool {
        self.0.device().is_some()
    }

    #[wasm_bindgen(js_name = isSoftware)]
    pub fn is_software(&self) -> bool {
        self.0.is_software()
    }

    /// What is to be measured, as a list for [`Comparison::row`]: `all`, or the smallest size alone.
    pub fn plan(all: bool) -> Result<JsValue, JsError> {
        to_js(&plan(all).into_iter().map(|(what, shape)| Measurement { what: what.into(), shape }).collect::<Vec<_>>())
    }

    /// Measures one entry of [`plan`].
    pub async fn row(&mut self, wanted: JsValue) -> Result<JsValue, JsError> {
        let Measurement { what, shape } = serde_wasm_bindgen::from_value(wanted)?;
        to_js(self.0.row(&what, shape, &now).await?)
    }
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    Ok(value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())?)
}
