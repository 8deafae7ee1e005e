//! The functions that the page's workers call, through wasm-bindgen. They only convert values
//! between JS and Rust.
//!
//! The crate builds four WASM packages. `pkg/engine` (feature `web-engine`) is needed for the first
//! screen. `pkg/tokenizer` (feature `web-tokenizer`) has the regex engine with its Unicode tables, and the
//! tasks' rules.
//! `pkg/engine-webgpu` (feature `web-webgpu`) is the engine on the second backend. These two are
//! loaded after the first screen is live. `pkg/twin` (feature `web-twin`) is loaded when the user
//! opens the dense twin.

#[cfg(feature = "web-engine")]
mod cpu;
#[cfg(any(feature = "web-engine", feature = "web-webgpu"))]
mod engine;
#[cfg(any(feature = "web-engine", feature = "web-webgpu", feature = "web-twin", feature = "web-tokenizer"))]
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

/// Runs once when a package is loaded. From then on, panics are logged to the browser's console.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}

/// An error as JS sees it: an `Error` whose message is the whole sentence.
pub(crate) fn js_error(error: crate::Error) -> JsError {
    JsError::new(&error.to_string())
}
