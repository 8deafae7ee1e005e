//! File formats. Every file is untrusted.
//!
//! `ours` holds the formats that this program writes and reads: models, circuits, bridges. `import` holds the formats of others:
//! published checkpoints, files of `torch.save`, vocabularies.
//!
//! Functions take and return bytes; only [`crate::cli`] and [`crate::train`] know paths. Sizes and indices are checked before
//! memory is allocated for them. Every error names the tensor, entry or opcode that caused it.
//!
//! - [`model_file`]: our `.safetensors` layout, lossless or compact.
//! - [`circuit_file`]: circuits as JSON.
//! - [`bridge_file`]: a bridge between a sparse model and a dense one, `.safetensors` too.
//! - [`checkpoint`]: a published checkpoint (`beeg_config.json` or `config.json`, and `final_model.pt` or
//!   `model.safetensors`) to a [`ModelFile`].
//! - [`vocabulary`]: the tokens' texts of a `tokenizer.json`.
//! - [`torch_zip`] and [`pickle`]: files of `torch.save`, read by an unpickler that builds tensors and plain data and
//!   executes nothing.

mod import;
mod number;
mod ours;
mod tensor_file;

pub use import::{checkpoint, pickle, torch_zip, vocabulary};
pub use number::Dtype;
pub use ours::bridge_file::{self, BridgeFile};
pub use ours::circuit_file::{self, CircuitFile};
pub use ours::model_file::{self, ModelFile};
pub use tensor_file::{Precision, write_floats};
