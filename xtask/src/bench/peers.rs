//! Sets up who takes part: the engine natively and as wasm, and the peers, each of which may be missing.

use super::contest::Contestant;
use crate::build;
use crate::exec::{Result, cargo, command, find, io, npm, root, run, step, target};
use crate::setup::{self, executable};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How to start everyone. What could not be set up says why in a sentence.
pub struct Contestants {
    /// target/bench.
    pub folder: PathBuf,
    native: PathBuf,
    wasm: PathBuf,
    python: Result<PathBuf>,
    npm: Result<PathBuf>,
}

impl Contestants {
    /// Without `needed` nobody is set up, and nobody may be started.
    pub fn set_up(folder: &Path, needed: bool) -> Result<Contestants> {
        let mut all = Contestants {
            folder: folder.to_path_buf(),
            native: target().join("release").join(executable("engine-bench")),
            wasm: folder.join("engine.wasm"),
            python: Err("not set up".into()),
            npm: Err("not set up".into()),
        };
        if needed {
            step("build the engine's side", || engine(&all.wasm))?;
            all.python = python(&folder.join("python"));
            all.npm = node(&folder.join("node"));
            for error in [&all.python, &all.npm].into_iter().filter_map(|peer| peer.as_ref().err()) {
                println!("  {error}");
            }
        }
        Ok(all)
    }

    pub fn native(&self, name: &str, words: &str, file: Option<&Path>) -> Result<Contestant> {
        Contestant::start(name, with(command(&self.native), words, file))
    }

    pub fn wasm(&self, name: &str, words: &str, file: Option<&Path>) -> Result<Contestant> {
        let mut node = command("node");
        node.arg(script("engine.mjs")).arg(&self.wasm);
        Contestant::start(name, with(node, words, file))
    }

    /// A script of benches/peers in Python.
    pub fn python(&self, name: &str, file: &str, arguments: &[&str]) -> Result<Contestant> {
        Contestant::start(name, self.script(file, arguments)?)
    }

    /// A script of benches/peers in node, which gets the folder of its packages first.
    pub fn node(&self, name: &str, file: &str, arguments: &[&str]) -> Result<Contestant> {
        let mut node = command("node");
        node.arg(script(file)).arg(self.npm.as_ref().map_err(String::clone)?).args(arguments);
        Contestant::start(name, node)
    }

    fn script(&self, file: &str, arguments: &[&str]) -> Result<Command> {
        let mut python = command(self.python.as_ref().map_err(String::clone)?);
        python.arg(script(file)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(python)
    }

    /// The file of a random model.
    pub fn model(&self, size: &str) -> Result<PathBuf> {
        let model = self.folder.join(format!("{size}.safetensors"));
        run(command(&self.native).args(["write", size]).arg(&model))?;
        Ok(model)
    }

    /// The same as an ONNX graph.
    pub fn graph(&self, model: &Path) -> Result<PathBuf> {
        let graph = model.with_extension("onnx");
        run(&mut self.script("graph.py", &[&text(model), &text(&graph)])?)?;
        Ok(graph)
    }
}

/// Of those that take more than one: the trainers.
const THREADS: &str = "2";

pub fn text(path: &Path) -> String {
    path.display().to_string()
}

fn with(mut command: Command, words: &str, file: Option<&Path>) -> Command {
    if let Some(file) = file {
        command.arg("--file").arg(file);
    }
    command.args(words.split(' ')).env("RAYON_NUM_THREADS", THREADS);
    command
}

fn script(name: &str) -> PathBuf {
    root().join("benches/peers").join(name)
}

/// benches/engine, natively and for wasm as the page's engine is built.
fn engine(wasm: &Path) -> Result {
    run(cargo().args(["build", "--release", "-p", "engine-bench"]))?;
    setup::rust_target()?;
    setup::npm_packages()?;
    run(cargo().args([
        "build",
        "-p",
        "engine-bench",
        "--lib",
        "--profile",
        "wasm",
        "--target",
        "wasm32-unknown-unknown",
    ]))?;
    let compiled = target().join("wasm32-unknown-unknown/wasm/engine_bench.wasm");
    // The slow part: only when the compiler's output has changed.
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    match (written(&compiled), written(wasm)) {
        (Ok(from), Ok(to)) if to > from => Ok(()),
        _ => build::optimise("-O3", &compiled, wasm),
    }
}

/// Python's peers, pinned, in an environment of their own. Returns its interpreter.
fn python(home: &Path) -> Result<PathBuf> {
    let found = ["python3", "python"].iter().find_map(|name| find(name));
    let found = found.ok_or("no PyTorch and no onnxruntime: there is no Python on PATH")?;
    let interpreter = home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    install("PyTorch and onnxruntime (once, gigabytes)", &script("requirements.txt"), home, || {
        run(command(&found).args(["-m", "venv", "--clear"]).arg(home))?;
        let mut pip = command(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
        run(pip.arg(script("requirements.txt")))
    })?;
    Ok(interpreter)
}

/// npm's peer, as its lock file has it. Returns the folder of its node_modules.
fn node(home: &Path) -> Result<PathBuf> {
    install("onnxruntime-web", &script("package-lock.json"), home, || {
        for name in ["package.json", "package-lock.json"] {
            io("copy", &script(name), fs::copy(script(name), home.join(name)))?;
        }
        run(npm()?.current_dir(home).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
    })?;
    Ok(home.to_path_buf())
}

/// Installs into `home` unless that was done from the same list.
fn install(what: &str, list: &Path, home: &Path, work: impl FnOnce() -> Result) -> Result {
    let wanted = io("read", list, fs::read(list))?;
    let stamp = home.join("installed-from");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    io("create", home, fs::create_dir_all(home))?;
    step(&format!("install {what}"), work).map_err(|error| format!("without {what}: {error}"))?;
    io("write", &stamp, fs::write(&stamp, &wanted))
}
