//! A task's prompts as tokens.

use crate::circuit::{Prompts, TaskModel};
use crate::format::ModelFile;
use crate::tasks::{self, Split, Task};
use crate::tokenizer::Tokenizer;
use crate::{Result, bail};

/// The value of `--split`.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum SplitName {
    Train,
    Validation,
    Test,
}

impl From<SplitName> for Split {
    fn from(name: SplitName) -> Split {
        match name {
            SplitName::Train => Split::Train,
            SplitName::Validation => Split::Validation,
            SplitName::Test => Split::Test,
        }
    }
}

/// The task of that name.
///
/// # Errors
/// No task has the name; the error lists all tasks.
pub fn find_task(name: &str) -> Result<&'static Task> {
    match tasks::find(name) {
        Some(task) => Ok(task),
        None => {
            let known: Vec<&str> = tasks::TASKS.iter().map(|task| task.name).collect();
            bail!("there is no task {name:?}; the tasks are {}", known.join(", "))
        }
    }
}

/// Token ids of the first `count` pairs of a split.
///
/// # Errors
/// The tokenizer has token ids outside the model's vocabulary.
pub fn pairs(
    task: &Task,
    split: Split,
    count: usize,
    tokenizer: &Tokenizer,
    vocab_size: usize,
) -> Result<Vec<[Vec<u32>; 2]>> {
    let pairs: Vec<[Vec<u32>; 2]> =
        task.pairs(split, count).iter().map(|pair| [tokenizer.encode(&pair.a), tokenizer.encode(&pair.b)]).collect();
    match pairs.iter().flatten().flatten().find(|&&id| id as usize >= vocab_size) {
        Some(id) => {
            bail!(
                "the tokenizer gives token {id}, but the model has only {vocab_size} tokens; give the model's own tokenizer with --tokenizer"
            )
        }
        None => Ok(pairs),
    }
}

/// The task's hand-written prompts.
pub fn handwritten(task: &Task, tokenizer: &Tokenizer, context: usize) -> Prompts {
    let prompts: Vec<(Vec<u32>, bool)> =
        task.handwritten().iter().map(|h| (tokenizer.encode(&h.prompt), h.wanted == 0)).collect();
    Prompts::single(&prompts, context)
}

/// The model as a task needs it, for `count` pairs of each split and for the hand-written prompts.
///
/// # Errors
/// The tokenizer has no token for a candidate, or does not fit the model.
pub fn task_model(task: &Task, tokenizer: &Tokenizer, file: &ModelFile, count: usize) -> Result<TaskModel> {
    if !task.has_own_candidates() {
        return TaskModel::new(&file.weights, &file.means, task.candidate_tokens(tokenizer)?);
    }
    let pairs = Split::ALL.into_iter().flat_map(|split| task.pairs(split, count));
    let by_hand = task.handwritten().into_iter().map(|one| one.prompt);
    let context = file.weights.config.block_size;
    let candidates = pairs.flat_map(|pair| [pair.a, pair.b]).chain(by_hand).map(|prompt| {
        let mut tokens = tokenizer.encode(&prompt);
        Ok((tokens.split_off(tokens.len().saturating_sub(context)), task.candidate_tokens_after(tokenizer, &prompt)?))
    });
    TaskModel::with_own_candidates(&file.weights, &file.means, candidates.collect::<Result<_>>()?)
}
