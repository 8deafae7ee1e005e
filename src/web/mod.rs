//! What the page's workers call, through wasm-bindgen. No logic of its own: it turns JS values into Rust ones and back.
//!
//! One crate, four wasm packages: `pkg/engine` (feature `web-engine`) is what the first screen needs; `pkg/tokenizer` (feature
//! `web-tokenizer`) carries the regex engine and its Unicode tables, `pkg/engine-webgpu` (feature `web-webgpu`) the engine on the
//! second backend; both are loaded after the first screen is live. `pkg/twin` (feature `web-twin`) runs a dense model beside a sparse
//! one, for who opens it.

#[cfg(feature = "web-engine")]
mod cpu;
#[cfg(any(feature = "web-engine", feature = "web-webgpu"))]
mod engine;
#[cfg(any(feature = "web-engine", feature = "web-webgpu", feature = "web-twin"))]
mod js;
#[cfg(feature = "web-tokenizer")]
mod tokenizer;
#[cfg(feature = "web-twin")]
mod twin;
#[cfg(feature = "web-webgpu")]
mod webgpu;

#[cfg(feature = "web-engine")]
pub use cpu::Session;
#[cfg(feature = "web-tokenizer")]
pub use tokenizer::WebTokenizer;
#[cfg(feature = "web-twin")]
pub use twin::Twin;
#[cfg(feature = "web-webgpu")]
pub use webgpu::WebGpuSession;

use wasm_bindgen::prelude::*;

/// Runs once when a package is loaded: a panic's message and place go to the browser's console.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// An error as JS sees it: an `Error` whose message is the whole sentence.
pub(crate) fn js_error(error: crate::Error) -> JsError {
    JsError::new(&error.to_string())
}
