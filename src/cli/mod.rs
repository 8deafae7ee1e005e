//! The native command's face: one file in [`commands`] for each subcommand, with its `Args` and `run(Args) -> Result<()>`. No logic of its own.
//!
//! Exit status 0 on success; 2 and one clear line on stderr for bad arguments or input.

mod commands;
mod publish;
pub mod shared;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand, error::ErrorKind};

use self::commands::{corpus, evaluate, generate, import, means, predict, prune, run, steer, tasks, train};
use crate::{Error, Result};

/// Train, prune, run and edit weight-sparse transformers whose circuits fit on a screen.
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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error),
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error.to_string()));
            ExitCode::from(2)
        }
    }
}

/// `--help` and `--version` go to stdout with status 0; a usage error becomes one line and status 2.
fn report_usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            print!("{error}");
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprintln!("error: no subcommand given; see `sparse-circuits --help`");
            ExitCode::from(2)
        }
        _ => {
            // clap puts what is wrong first and its usage after an empty line; missing arguments are listed on lines of their own.
            let text = error.to_string();
            let what = text.split("\n\nUsage:").next().unwrap_or(&text);
            eprintln!("{} (see --help)", one_line(what));
            ExitCode::from(2)
        }
    }
}

/// Writes to stdout. Whoever reads may stop early (`| head`): that is no error.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(source) if source.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::Io { action: "write to", path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
