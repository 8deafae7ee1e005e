//! What several subcommands share: backends, loading files, prompts, edits, bridges.

pub mod backend;
pub mod bridge;
pub mod edits;
pub mod load;
pub mod output;
pub mod prompt;
pub mod task_prompts;
