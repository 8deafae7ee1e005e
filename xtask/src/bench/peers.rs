//! Sets up the contestants: the engine, native and as WASM, and the peers. Any peer may be missing.

use super::contest::Contestant;
use crate::build;
use crate::exec::{Result, cargo, command, find, io, npm, root, run, step, target};
use crate::setup::{self, executable};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Starts the contestants. A peer that could not be set up has an error with the reason.
pub struct Contestants {
    /// The folder `target/bench`.
    pub folder: PathBuf,
    native: PathBuf,
    wasm: PathBuf,
    python: Result<PathBuf>,
    npm: Result<PathBuf>,
}

impl Contestants {
    /// If `needed` is false, sets up nothing; then no contestant may be started.
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

/// Threads of the training contestants; all others use one.
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

/// Builds benches/engine, native and as WASM with the same options as the page's engine.
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
    // wasm-opt is slow: run it only if the compiler's output has changed.
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    match (written(&compiled), written(wasm)) {
        (Ok(from), Ok(to)) if to > from => Ok(()),
        _ => build::optimise("-O3", &compiled, wasm),
    }
}

/// Installs the pinned Python peers into a virtual environment. Returns its interpreter.
fn python(home: &Path) -> Result<PathBuf> {
    let found = ["python3", "python"].iter().find_map(|name| find(name));
    let found = found.ok_or("Python is not on PATH, so PyTorch and onnxruntime are not measured")?;
    let interpreter = home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    install("PyTorch and onnxruntime (once, gigabytes)", &script("requirements.txt"), home, || {
        run(command(&found).args(["-m", "venv", "--clear"]).arg(home))?;
        let mut pip = command(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
        run(pip.arg(script("requirements.txt")))
    })?;
    Ok(interpreter)
}

/// Installs the npm peer from its lock file. Returns its node_modules folder.
fn node(home: &Path) -> Result<PathBuf> {
    install("onnxruntime-web", &script("package-lock.json"), home, || {
        for name in ["package.json", "package-lock.json"] {
            io("copy", &script(name), fs::copy(script(name), home.join(name)))?;
        }
        run(npm()?.current_dir(home).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
    })?;
    Ok(home.to_path_buf())
}

/// Runs `work` to install into `home`, unless `home` was installed from the same list.
fn install(what: &str, list: &Path, home: &Path, work: impl FnOnce() -> Result) -> Result {
    let wanted = io("read", list, fs::read(list))?;
    let stamp = home.join("installed-from");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    io("create", home, fs::create_dir_all(home))?;
    step(&format!("install {what}"), work).map_err(|error| format!("{what} could not be installed: {error}"))?;
    io("write", &stamp, fs::write(&stamp, &wanted))
}
