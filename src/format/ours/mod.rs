//! The files that this program writes and reads back.

pub mod bridge_file;
pub mod circuit_file;
pub(super) mod compact;
pub(super) mod layout;
pub mod model_file;
mod versioned;
