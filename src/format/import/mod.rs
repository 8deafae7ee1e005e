//! Files that other programs wrote: published checkpoints, files of `torch.save`, vocabularies.

pub mod checkpoint;
pub mod pickle;
pub mod torch_zip;
pub mod vocabulary;
mod zip;
