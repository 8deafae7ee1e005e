//! The committed files reach every clone byte for byte.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn git(folder: &Path, args: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// Git for Windows sets `core.autocrlf`, which rewrites line ends on checkout unless the attributes
/// forbid it. The page rejects files whose size differs from the manifest.
#[test]
fn a_clone_with_autocrlf_has_the_committed_bytes() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    if git(repository, &["rev-parse", "HEAD"]).is_none() {
        println!("SKIPPED: this is not a git checkout, or git is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    let [from, to] = [repository, &clone].map(|path| path.to_str().unwrap());
    let arguments = ["clone", "--quiet", "--shared", "-c", "core.autocrlf=true", from, to];
    assert!(git(repository, &arguments).is_some(), "git clone failed");

    let names = String::from_utf8(git(&clone, &["ls-tree", "-r", "-z", "--name-only", "HEAD"]).unwrap()).unwrap();
    for name in names.split_terminator('\0').filter(|name| !name.starts_with("tests/oracle")) {
        let committed = git(&clone, &["cat-file", "blob", &format!("HEAD:{name}")]).unwrap();
        assert!(std::fs::read(clone.join(name)).unwrap() == committed, "{name} differs from what is committed");
    }

    let read = |name: &str| std::fs::read(clone.join("models").join(name)).unwrap();
    let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
    for model in manifest["models"].as_array().unwrap() {
        assert_eq!(model["bytes"], read(model["file"].as_str().unwrap()).len());
        for task in model["tasks"].as_array().unwrap() {
            assert_eq!(task["bytes"], read(task["circuit"].as_str().unwrap()).len(), "{}", task["circuit"]);
        }
    }
}
