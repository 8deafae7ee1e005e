//! Where output goes: `--out` to files, links, pipes and devices; standard output that is closed early or full.

use crate::format_support::oracle;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sparse-circuits");

/// `import` of a small checkpoint to `out`: it writes a file and prints a line.
fn import(out: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("import").arg(oracle("p01_ln_tied_noflash")).arg("--out").arg(out);
    command
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What `import` writes.
fn wanted() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    done(&mut import(&out));
    fs::read(out).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Status 2 and one line on standard error.
fn failed(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

#[test]
fn a_link_is_followed_and_permissions_stay() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("target"), b"old").unwrap();
    fs::set_permissions(at("target"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("target", at("link")).unwrap();
    symlink("not there yet", at("dangling")).unwrap();
    for name in ["link", "dangling"] {
        done(&mut import(&at(name)));
        assert!(at(name).is_symlink(), "{name}");
    }
    let wanted = wanted();
    assert_eq!(fs::read(at("target")).unwrap(), wanted);
    assert_eq!(fs::read(at("not there yet")).unwrap(), wanted);
    assert_eq!(fs::metadata(at("target")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(folder.path()), ["dangling", "link", "not there yet", "target"]);
}

#[test]
fn a_pipe_stays_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    symlink("pipe", &link).unwrap();
    let wanted = wanted();
    for out in [&pipe, &link] {
        let mut reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
        let status = import(out).stdout(Stdio::null()).status().unwrap();
        if !fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo() {
            reader.kill().unwrap();
            panic!("the pipe was replaced");
        }
        assert!(status.success());
        assert_eq!(reader.wait_with_output().unwrap().stdout, wanted);
    }
    assert_eq!(names(folder.path()), ["link", "pipe"]);
}

/// Uses its own device node, so that a bug cannot replace `/dev/null`. Only root can create one.
#[cfg(target_os = "linux")]
#[test]
fn a_device_stays_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = |name: &str, minor: &str| {
        let made = Command::new("mknod").arg(at(name)).args(["c", "1", minor]).stderr(Stdio::null()).status();
        // On a file system mounted without devices, the node can be created but not opened.
        made.is_ok_and(|status| status.success()) && fs::OpenOptions::new().write(true).open(at(name)).is_ok()
    };
    if !made("null", "3") || !made("full", "7") {
        println!("SKIPPED: this user cannot make devices");
        return;
    }
    done(&mut import(&at("null")));
    let line = failed(&import(&at("full")).output().unwrap());
    assert!(line.contains("full"), "{line}");
    for name in ["null", "full"] {
        assert!(fs::symlink_metadata(at(name)).unwrap().file_type().is_char_device(), "{name}");
    }
    assert_eq!(names(folder.path()), ["full", "null"]);
}

#[test]
fn standard_output_gets_the_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = wanted();
    for out in ["-", "/dev/stdout"] {
        let output = done(import(Path::new(out)).current_dir(&folder));
        assert_eq!(output.stdout, wanted, "{out}");
        assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1, "{out}: the line about the file");
        // `> file`: the file is written, not replaced, because the shell has it open
        let file = fs::File::create(folder.path().join("redirected")).unwrap();
        assert!(import(Path::new(out)).current_dir(&folder).stdout(file).status().unwrap().success());
        assert_eq!(fs::read(folder.path().join("redirected")).unwrap(), wanted, "{out}");
    }
    assert_eq!(names(folder.path()), ["redirected"]);
}

#[test]
fn a_disk_that_fills_up_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    fs::write(&out, b"old").unwrap();
    // Limit the file size to some blocks. Ignore the signal, so that the program gets an error
    // instead.
    let command = import(&out);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    assert!(wanted().len() > 4 * 1024, "too small to hit the limit");
    let line = failed(&shell.output().unwrap());
    assert!(line.contains("model"), "{line}");
    assert_eq!(fs::read(&out).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["model"]);
}

/// Calls that print: help, version, and commands.
fn printing(folder: &Path) -> Vec<Command> {
    let with = |args: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(args).current_dir(folder);
        command
    };
    let commands = [
        "corpus", "evaluate", "generate", "import", "means", "predict", "prune", "publish", "run", "steer", "tasks",
        "train",
    ];
    let mut all: Vec<Command> = commands.iter().map(|name| with(&[name, "--help"])).collect();
    all.extend([with(&["--help"]), with(&["--version"]), with(&["tasks", "--json"])]);
    all.push(import(&folder.join("model")));
    let model = oracle("p01_ln_tied_noflash");
    let model = model.to_str().unwrap();
    all.push(with(&["run", "--model", model, "--tokens", "1,2", "--out", "run.safetensors"]));
    all
}

#[test]
fn a_reader_that_stops_early_is_not_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for mut command in printing(folder.path()) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {stderr}");
        assert!(stderr.is_empty(), "{command:?}: {stderr}");
    }
    // Without any standard output at all.
    for command in printing(folder.path()) {
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$@\" >&-", "sh"]).arg(command.get_program()).args(command.get_args());
        let output = shell.current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_gives_one_line_and_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for mut command in printing(folder.path()) {
        failed(&command.stdout(full()).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap());
    }
    // A full standard error cannot be reported, and must not become a panic (status 101).
    let status = Command::new(PROGRAM).arg("nonsense").stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(2));
    let mut piped = Command::new(PROGRAM).arg("--help").stdout(Stdio::piped()).stderr(full()).spawn().unwrap();
    let mut text = String::new();
    piped.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(piped.wait().unwrap().success() && text.contains("train"));
}
