//! The files that this program writes and reads back.

pub mod bridge_file;
pub mod circuit_file;
pub(super) mod compact;
pub mod model_file;
pub(super) mod schema;
mod versioned;
