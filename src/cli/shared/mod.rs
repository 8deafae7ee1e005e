//! What several subcommands share: files, prompts, edits, bridges.

pub mod bridge;
pub mod edits;
pub mod files;
pub mod prompt;
pub mod task_prompts;
