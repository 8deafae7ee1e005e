//! Converts Rust values to the objects of the page's `protocol.gen.ts`.

use crate::{Error, Result};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// Plain objects and arrays; absent values are `null`.
pub fn to_js(value: &impl Serialize) -> Result<JsValue> {
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| Error::invalid(format!("a result could not be converted for the page: {error}")))
}

/// A request of the page. `what` names its kind in the error: "run", "steering".
#[cfg(any(feature = "web-engine", feature = "web-webgpu", feature = "web-twin"))]
pub fn from_js<T: serde::de::DeserializeOwned>(what: &str, request: JsValue) -> Result<T> {
    serde_wasm_bindgen::from_value(request)
        .map_err(|error| Error::invalid(format!("the {what} request is not valid: {error}")))
}
