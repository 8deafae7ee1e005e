//! One file for each subcommand: its `Args` and `run(Args) -> Result<()>`.

pub mod corpus;
pub mod evaluate;
pub mod generate;
pub mod import;
pub mod means;
pub mod predict;
pub mod prune;
pub mod publish;
pub mod run;
pub mod steer;
pub mod tasks;
pub mod train;
