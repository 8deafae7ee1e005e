//! Wrong arguments of `cargo xtask bundle`. They must be found before the build, which takes minutes.

use std::process::Command;

fn error(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("bundle").args(arguments).output().unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty(), "a build has begun");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_wrong_argument_is_named_before_the_build() {
    assert!(error(&[]).contains("--out FILE"));
    assert!(error(&["--twin", "--out"]).contains("--out needs a FILE"));
    assert!(error(&["--out", "page.html", "--twins"]).contains("`--twins`"));
    assert!(error(&["--out", "no such folder/page.html"]).contains("no such folder/page.html"));
}
