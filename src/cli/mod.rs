//! The native command. Each subcommand is a file in [`commands`] that parses its arguments, calls the library and prints.
//!
//! The exit status is 0 on success, also when the reader of standard output stops early (`| head`). It is 2, with one line on
//! standard error, for bad arguments, bad input, and output that cannot be written.

mod commands;
mod publish;
pub mod shared;

use std::process::ExitCode;

use clap::{Parser, Subcommand, error::ErrorKind};

use self::commands::{corpus, evaluate, generate, import, means, predict, prune, run, steer, tasks, train};
use crate::Result;
use crate::console::{note, print};

/// Train, prune, run and edit weight-sparse transformers.
#[derive(Parser)]
#[command(name = "sparse-circuits", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Corpus(corpus::Args),
    Evaluate(evaluate::Args),
    Generate(generate::Args),
    Import(import::Args),
    Means(means::Args),
    Predict(predict::Args),
    Prune(prune::Args),
    Publish(commands::publish::Args),
    Run(run::Args),
    Steer(steer::Args),
    Tasks(tasks::Args),
    Train(train::Args),
}

fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Corpus(args) => corpus::run(args),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Import(args) => import::run(args),
        Command::Means(args) => means::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Prune(args) => prune::run(args),
        Command::Publish(args) => commands::publish::run(args),
        Command::Run(args) => run::run(args),
        Command::Steer(args) => steer::run(args),
        Command::Tasks(args) => tasks::run(args),
        Command::Train(args) => train::run(args),
    }
}

pub fn main() -> ExitCode {
    let result = match Cli::try_parse() {
        Ok(cli) => dispatch(cli.command).map_err(|error| format!("error: {error}")),
        Err(error) => answer_usage(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            note(&one_line(&line));
            ExitCode::from(2)
        }
    }
}

/// `--help` and `--version` are printed; a mistake in the arguments becomes one line.
fn answer_usage(error: &clap::Error) -> Result<(), String> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print(&error.to_string()).map_err(|error| format!("error: {error}"))
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Err("error: no subcommand given; see `sparse-circuits --help`".into())
        }
        _ => {
            // clap prints the error first and the usage after an empty line. Missing arguments are on separate lines.
            let text = error.to_string();
            let what = text.split("\n\nUsage:").next().unwrap_or(&text);
            Err(format!("{what} (see --help)"))
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
