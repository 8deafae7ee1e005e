//! `cargo xtask COMMAND`: the chores of this repository. Each command does the set-up it needs.

mod bench;
mod build;
mod exec;
mod report;
mod serve;
mod setup;
mod test;

use exec::Outcome;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  serve [--port N]   set up, build, serve the page at 127.0.0.1 and print its address
  build              set up and write the folder to publish, www/dist
  test [STEP]...     set up and run every test, or the steps named:
                     format, lint, native, build, page, wasm, browser
  bench [--quick] [STEP]... [-- ARGS]
                     run every benchmark beside its peers, or the steps named:
                     kernels, forward, product, top-k, attention, training, sides, browser; ARGS go to `cargo bench`
  setup              install what is missing: the wasm target, wasm-bindgen, npm packages, a browser,
                     a Vulkan driver

`serve` and `build` need Rust (rustup) and Node 20.19 or newer.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\nxtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Outcome {
    match words {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        ["setup"] => setup::everything(),
        ["build"] => build::build(),
        ["serve"] => serve::serve(serve::DEFAULT_PORT),
        ["serve", "--port", port] => match port.parse() {
            Ok(port) => serve::serve(port),
            Err(_) => Err(format!("`{port}` is not a port; give a number from 1 to 65535, or 0 for any free one")),
        },
        ["test", steps @ ..] => test::test(steps),
        ["bench", arguments @ ..] => bench::bench(arguments),
        _ => Err(format!("`cargo xtask {}` is not a command.\n\n{HELP}", words.join(" "))),
    }
}
