//! From Rust's values to the objects of the page's `protocol.ts`.

use crate::{Error, Result};
use serde::Serialize;
use wasm_bindgen::prelude::*;

/// Plain objects and arrays; absent values are `null`.
pub fn to_js(value: &impl Serialize) -> Result<JsValue> {
    value
        .serialize(&serde_wasm_bindgen::Serializer::json_compatible())
        .map_err(|error| Error::invalid(format!("a result could not be handed to the page: {error}")))
}
