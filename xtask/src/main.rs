//! `cargo xtask COMMAND`: builds, serves, tests and benchmarks this repository. Each command does the set-up it needs.

mod bench;
mod build;
mod exec;
mod lan;
mod report;
mod serve;
mod setup;
mod test;

use exec::Result;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND

  serve [--port N] [--lan]
                     set up, build, serve the page at 127.0.0.1 and print its address; --lan: serve it to the local
                     network instead, and print its addresses and a QR code
  build              set up and write the folder to publish, www/dist, and an npm package of the embeds, www/dist-npm
  bundle [--twin] --out FILE
                     set up, build and write the page as one HTML file, which opens without a server and without
                     network; --twin: with the dense twin
  test [--quick] [STEP]...
                     set up and run every test, or the named steps:
                     format, lint, native, build, page, wasm, browser
                     --quick: only format, lint, native and page, which need no browser
  bench [--quick] [STEP]... [-- ARGS]
                     run every benchmark and its peers, or the named steps:
                     kernels, forward, product, top-k, attention, training, compare-backends, browser; ARGS go to `cargo bench`
  setup              install what is missing: the wasm target, wasm-pack, wasm-bindgen, npm packages, a browser,
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

fn dispatch(words: &[&str]) -> Result {
    match words {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}\n\nRepository: {}", exec::root().display());
            Ok(())
        }
        ["setup"] => setup::everything(),
        ["build"] => build::build(),
        ["bundle", arguments @ ..] => bundle(arguments),
        ["serve", arguments @ ..] => serve(arguments),
        ["test", arguments @ ..] => test::test(arguments),
        ["bench", arguments @ ..] => bench::bench(arguments),
        _ => Err(format!("`cargo xtask {}` is not a command.\n\n{HELP}", words.join(" "))),
    }
}

/// `[--port N] [--lan]`, in any order.
fn serve(arguments: &[&str]) -> Result {
    let (mut port, mut lan) = (None, false);
    let mut rest = arguments.iter();
    while let Some(&word) = rest.next() {
        match word {
            "--lan" => lan = true,
            "--port" => {
                let text = *rest.next().ok_or("--port needs a number")?;
                let wrong = |_| format!("`{text}` is not a port; give a number from 1 to 65535, or 0 for any free one");
                port = Some(text.parse().map_err(wrong)?);
            }
            _ => return Err(format!("`{word}` is not an option of `cargo xtask serve`; it takes --port N and --lan")),
        }
    }
    if lan { serve::serve_lan(port) } else { serve::serve(port) }
}

/// `[--twin] --out FILE`, in any order.
fn bundle(arguments: &[&str]) -> Result {
    let (mut out, mut twin) = (None, false);
    let mut rest = arguments.iter();
    while let Some(&word) = rest.next() {
        match word {
            "--twin" => twin = true,
            "--out" => out = Some(*rest.next().ok_or("--out needs a FILE: the HTML file to write")?),
            _ => {
                return Err(format!(
                    "`{word}` is not an option of `cargo xtask bundle`; it takes --out FILE and --twin"
                ));
            }
        }
    }
    let out = out.ok_or("`cargo xtask bundle` needs --out FILE: the HTML file to write")?;
    if std::path::Path::new(out).is_dir() {
        return Err(format!("{out} is a folder; --out needs the name of a file"));
    }
    let folder = std::path::absolute(out).ok().and_then(|out| out.parent().map(|folder| folder.is_dir()));
    if folder != Some(true) {
        return Err(format!("the folder of {out} does not exist; create it first"));
    }
    build::build()?;
    build::bundle(out.as_ref(), twin)
}
