//! Wrong arguments of `cargo xtask bundle` and `serve`. They must be found before the build, which takes minutes.

use std::process::Command;

fn error(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty(), "a build has begun");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_wrong_argument_of_bundle_is_named() {
    assert!(error(&["bundle"]).contains("--out FILE"));
    assert!(error(&["bundle", "--twin", "--out"]).contains("--out needs a FILE"));
    assert!(error(&["bundle", "--out", "page.html", "--twins"]).contains("`--twins`"));
    assert!(error(&["bundle", "--out", "no such folder/page.html"]).contains("no such folder/page.html"));
    assert!(error(&["bundle", "--out", "."]).contains("is a folder"));
}

#[test]
fn a_wrong_argument_of_serve_is_named() {
    assert!(error(&["serve", "--lan", "--port"]).contains("--port needs a number"));
    assert!(error(&["serve", "--port", "65536"]).contains("`65536`"));
    assert!(error(&["serve", "--wan"]).contains("`--wan`"));
}
