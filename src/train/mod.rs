//! train

#[cfg(feature = "tokenizer")]
pub mod bpe;
#[cfg(feature = "tokenizer")]
pub mod corpus;
pub mod synthetic;
