//! `sparse-circuits tasks`: the tasks and their pairs of prompts.

use serde_json::json;

use crate::cli::shared::output::print;
use crate::cli::shared::task_prompts::{SplitName, find_task};
use crate::tasks::TASKS;
use crate::{Result, bail};

/// List the tasks, or print pairs of prompts of one task. Each line is a JSON object: {"a": PROMPT, "b": PROMPT, "candidates": [..,..]}.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON, the only form of output.
    #[arg(long, required = true)]
    json: bool,
    /// Print pairs of this task; without it the tasks are listed.
    #[arg(long)]
    task: Option<String>,
    /// The split to print; no pair is in two splits.
    #[arg(long, value_enum, default_value_t = SplitName::Test, requires = "task")]
    split: SplitName,
    /// Number of pairs, at most 100000.
    #[arg(long, default_value_t = 10, requires = "task")]
    count: usize,
}

pub fn run(args: Args) -> Result<()> {
    debug_assert!(args.json);
    let mut text = String::new();
    match &args.task {
        None => {
            for task in TASKS {
                text +=
                    &format!("{}\n", json!({"name": task.name, "title": task.title, "candidates": task.candidates}));
            }
        }
        Some(name) => {
            let task = find_task(name)?;
            if args.count > 100_000 {
                bail!("--count must be at most 100000; it is {}", args.count);
            }
            for pair in task.pairs(args.split.into(), args.count) {
                let candidates = task.candidates_after(&pair.a);
                text += &format!("{}\n", json!({"a": pair.a, "b": pair.b, "candidates": candidates}));
            }
        }
    }
    print(&text)
}
