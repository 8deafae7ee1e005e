//! Which repository the program works in.

use std::path::Path;
use std::process::Command;

/// Two checkouts that share a target directory run the same compiled program.
#[test]
fn the_repository_is_the_one_that_cargo_runs_it_in() {
    let other = Path::new("/checkout/of/somebody").join("xtask");
    let help =
        Command::new(env!("CARGO_BIN_EXE_xtask")).arg("help").env("CARGO_MANIFEST_DIR", &other).output().unwrap();
    let text = String::from_utf8(help.stdout).unwrap();
    assert!(text.lines().any(|line| line == "Repository: /checkout/of/somebody"), "{text}");
}
