//! A task's prompts as tokens.

use crate::circuit::{Prompts, TaskModel};
use crate::format::ModelFile;
use crate::random::Rng;
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

/// Prompts from real code, each with whether it wants the first candidate: texts up to a token that is one of the candidates, where the task's rule gives the same candidate. They start
/// at the start of a line and are at most `context` tokens long. At most `count` of them, drawn at random (the same ones each time), with
/// as many for the one candidate as for the other.
///
/// `tokens` are documents, each followed by the end-of-text token.
///
/// # Errors
/// The tokenizer has no token for a candidate or for the end of a text, or the task's texts have candidates of their own.
pub fn natural(
    task: &Task,
    tokenizer: &Tokenizer,
    tokens: &[u16],
    context: usize,
    count: usize,
) -> Result<Vec<(Vec<u32>, bool)>> {
    if task.has_own_candidates() {
        bail!("the candidates of {} are names in its texts; it has no prompts from real code", task.name);
    }
    let candidates = task.candidate_tokens(tokenizer)?;
    let Some(end) = tokenizer.end_of_text() else { bail!("the tokenizer has no end-of-text token") };
    let candidate = |at: usize| candidates.iter().position(|&id| id == u32::from(tokens[at]));
    let mut places: Vec<usize> = (1..tokens.len()).filter(|&at| candidate(at).is_some()).collect();
    Rng::new(NATURAL_SEED).shuffle_large(&mut places);
    let mut chosen: [Vec<Vec<u32>>; 2] = Default::default();
    for at in places {
        let wanted = candidate(at).expect("a candidate's place");
        if chosen[wanted].len() >= count / 2 {
            continue;
        }
        let window = &tokens[at.saturating_sub(context)..at];
        let document = window.iter().rposition(|&id| u32::from(id) == end).map_or(0, |end| end + 1);
        let ids: Vec<u32> = window[document..].iter().map(|&id| id.into()).collect();
        let whole = document > 0 || at <= context;
        let Some(ids) = from_line_start(tokenizer, &ids, whole) else { continue };
        let text = tokenizer.decode(ids);
        // As somebody would type it: other tokens of the same text are another prompt.
        if task.answer(&text) == Some(wanted) && tokenizer.encode(&text) == ids {
            chosen[wanted].push(ids.to_vec());
        }
    }
    let [first, second] = chosen;
    // One of each in turn, so that every part of them has as many of both.
    let turns = first.into_iter().zip(second);
    Ok(turns.flat_map(|(first, second)| [(first, true), (second, false)]).collect())
}

/// Seed of the draw of prompts from real code.
const NATURAL_SEED: u64 = 0x6e61;

/// The tokens after the first line break. All of them if they are the start of a document (`whole`). `None` if there is no line break.
fn from_line_start<'a>(tokenizer: &Tokenizer, ids: &'a [u32], whole: bool) -> Option<&'a [u32]> {
    if whole {
        return (!ids.is_empty()).then_some(ids);
    }
    let breaks = ids.iter().position(|&id| tokenizer.token_text(id).ends_with('\n'))?;
    (breaks + 1 < ids.len()).then(|| &ids[breaks + 1..])
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
