//! Native training: the corpus, the tokenizer's merges, and the trainer of dense and weight-sparse models (Gao et al. 2025, A.2).

pub mod batches;
pub mod bridge;
mod checkpoint;
pub mod config;
mod least_squares;
mod nmse;
mod optimiser;
mod parameters;
mod run;

pub use config::TrainConfig;
pub use run::{Step, Trainer, held_out_loss, reference_windows, train, train_on, train_until};

#[cfg(feature = "tokenizer")]
pub mod bpe;
#[cfg(feature = "tokenizer")]
pub mod corpus;
pub mod synthetic;
