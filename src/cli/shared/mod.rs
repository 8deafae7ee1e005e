//! What several subcommands share: loading files, prompts, edits, bridges.

pub mod bridge;
pub mod edits;
pub mod load;
pub mod output;
pub mod prompt;
pub mod task_prompts;
