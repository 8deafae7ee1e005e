//! `sparse-circuits tasks`: the tasks and their pairs of prompts.

use clap::ValueEnum;
use serde_json::json;

use crate::cli::shared::output::print;
use crate::cli::shared::task_prompts::find_task;
use crate::tasks::{Split, TASKS};
use crate::{Result, bail};

/// List the tasks, or print pairs of prompts of one, a JSON object a line: {"a": PROMPT, "b": PROMPT, "candidates": [..,..]}.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON (the only form there is).
    #[arg(long, required = true)]
    json: bool,
    /// The task whose pairs are wanted; without it the tasks are listed.
    #[arg(long)]
    task: Option<String>,
    /// Which pairs; the three splits share none.
    #[arg(long, value_enum, default_value_t = SplitName::Test, requires = "task")]
    split: SplitName,
    /// How many pairs, at most 100000.
    #[arg(long, default_value_t = 10, requires = "task")]
    count: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum SplitName {
    Train,
    Validation,
    Test,
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
                bail!("--count is at most 100000, not {}", args.count);
            }
            let split = match args.split {
                SplitName::Train => Split::Train,
                SplitName::Validation => Split::Validation,
                SplitName::Test => Split::Test,
            };
            for pair in task.pairs(split, args.count) {
                text += &format!("{}\n", json!({"a": pair.a, "b": pair.b, "candidates": task.candidates}));
            }
        }
    }
    print(&text)
}
