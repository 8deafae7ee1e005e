//! Finding and running other programs, with a clear sentence when one is missing or fails.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An error is a complete sentence for the user.
pub type Result<T = ()> = std::result::Result<T, String>;

/// The repository that `cargo xtask` was called in.
///
/// Use the package folder that cargo passes at run time. The folder at compile time can be another one:
/// checkouts that share a target directory also share the compiled program.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().expect("the package is a folder of the repository").to_path_buf()
}

pub fn www() -> PathBuf {
    root().join("www")
}

/// The one directory that every cargo build shares.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |path| root().join(path))
}

thread_local! {
    static LABEL: Cell<&'static str> = const { Cell::new("") };
}

/// Runs `work` with a label in front of each line that it and its programs print. Work that runs at the same time on
/// another thread can then be told apart.
pub fn labelled<T>(label: &'static str, work: impl FnOnce() -> T) -> T {
    let before = LABEL.replace(label);
    let result = work();
    LABEL.set(before);
    result
}

/// Prints a line, after the label of this thread's work.
pub fn say(text: &str) {
    // A closed standard output must not stop the tests.
    let _ = std::io::stdout().write_all(&[&prefix(LABEL.get()), text.as_bytes(), b"\n"].concat());
}

fn prefix(label: &str) -> Vec<u8> {
    if label.is_empty() { Vec::new() } else { format!("{label:<8}| ").into_bytes() }
}

/// Prints `what`, runs `work`, prints how long it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say("");
    say(&format!("==> {what}"));
    let start = Instant::now();
    let result = work();
    let word = if result.is_ok() { "done" } else { "FAILED" };
    say(&format!("<== {what}: {word} in {}", seconds(start.elapsed())));
    result
}

pub fn seconds(time: Duration) -> String {
    let s = time.as_secs_f64();
    if s < 60.0 { format!("{s:.1} s") } else { format!("{:.0} min {:02.0} s", (s / 60.0).floor(), s % 60.0) }
}

/// The file of a program on PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let names = if cfg!(windows) {
        vec![format!("{program}.exe"), format!("{program}.cmd")]
    } else {
        vec![program.to_string()]
    };
    std::env::split_paths(&std::env::var_os("PATH")?)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)).collect::<Vec<_>>())
        .find(|path| path.is_file())
}

/// A command that runs in the repository's root. Uses the cargo and rustc that started this program.
pub fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(root());
    command
}

pub fn cargo() -> Command {
    command(std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from))
}

/// npm, in www/.
pub fn npm() -> Result<Command> {
    let program = find("npm").ok_or("npm is not on PATH: install Node 20.19 or newer, which brings it")?;
    let mut command = command(program);
    command.current_dir(www());
    Ok(command)
}

/// A program that `npm ci` has put into www/node_modules/.bin, in www/.
pub fn npm_bin(name: &str) -> Command {
    let folder = www().join("node_modules").join(".bin");
    let mut command = command(folder.join(if cfg!(windows) { format!("{name}.cmd") } else { name.to_string() }));
    command.current_dir(www());
    command
}

/// A command as text, for messages.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

fn cannot_start(command: &Command, error: std::io::Error) -> String {
    format!("cannot start `{}`: {error}", line(command))
}

/// Runs a command and shows its output.
pub fn run(command: &mut Command) -> Result {
    let status = start(command, false)?.0.wait().map_err(|error| cannot_start(command, error))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status}); see above", line(command))) }
}

/// Runs a command, shows its output and returns its standard output, even if the command fails.
pub fn run_and_read(command: &mut Command) -> Result<(bool, String)> {
    let (mut child, text) = start(command, true)?;
    let status = child.wait().map_err(|error| cannot_start(command, error))?;
    Ok((status.success(), text))
}

/// Starts a command and shows its output until it closes it. Returns the standard output where `read` asks for it.
fn start(command: &mut Command, read: bool) -> Result<(Child, String)> {
    say(&format!("  $ {}", line(command)));
    let label = LABEL.get();
    if read || !label.is_empty() {
        command.stdout(Stdio::piped());
    }
    if !label.is_empty() {
        command.stderr(Stdio::piped());
    }
    let mut child = command.spawn().map_err(|error| cannot_start(command, error))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let text = std::thread::scope(|scope| {
        if let Some(err) = err {
            scope.spawn(move || show(err, label));
        }
        out.map_or(Ok(String::new()), |out| show(out, label))
    });
    Ok((child, text.map_err(|error| cannot_start(command, error))?))
}

/// Copies lines to standard output, each after the label, and returns them without it.
fn show(from: impl Read, label: &str) -> std::io::Result<String> {
    let mut text = String::new();
    let mut reader = BufReader::new(from);
    let mut bytes = prefix(label);
    let skip = bytes.len();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let _ = std::io::stdout().write_all(&bytes);
        text.push_str(&String::from_utf8_lossy(&bytes[skip..]));
        bytes.truncate(skip);
    }
    Ok(text)
}

/// Runs a command without showing its output. Returns its trimmed standard output, or None if it fails or is missing.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// A file system call's error as a sentence.
pub fn io<T>(action: &str, path: &Path, result: std::io::Result<T>) -> Result<T> {
    result.map_err(|error| format!("cannot {action} {}: {error}", path.display()))
}
