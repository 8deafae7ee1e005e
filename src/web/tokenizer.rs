//! The WASM interface of the tokenizer and of the tasks' rules, which the page needs for typed text only.

use crate::tasks;
use crate::tokenizer::Tokenizer;
use crate::web::js::to_js;
use crate::web::js_error;
use wasm_bindgen::prelude::*;

/// Converts text to token ids and back.
#[wasm_bindgen]
pub struct WebTokenizer {
    inner: Tokenizer,
}

#[wasm_bindgen]
impl WebTokenizer {
    /// From the bytes of a `tokenizer.json`.
    #[wasm_bindgen(constructor)]
    pub fn new(json: &[u8]) -> Result<WebTokenizer, JsError> {
        Ok(WebTokenizer { inner: Tokenizer::from_json(json).map_err(js_error)? })
    }

    /// The token ids of a text, as a `Uint32Array`. Every text can be encoded: unknown parts become
    /// byte tokens.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.inner.encode(text)
    }

    /// The text of a list of ids.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.inner.decode(ids)
    }

    /// The text of one id, for display: a part of a multi-byte character is shown as U+FFFD.
    #[wasm_bindgen(js_name = tokenText)]
    pub fn token_text(&self, id: u32) -> String {
        self.inner.token_text(id)
    }

    /// What the rule of a task says of a text: its counterfactual prompt or the reason why there is none, and the right answer. The
    /// model reads the last `context` tokens. Returns a `Ruling`.
    pub fn counterfactual(&self, task: &str, text: &str, context: usize) -> Result<JsValue, JsError> {
        let Some(task) = tasks::find(task) else {
            return Err(JsError::new(&format!("There is no task {task:?}.")));
        };
        to_js(&task.ruling(&self.inner, text, context)).map_err(js_error)
    }
}
