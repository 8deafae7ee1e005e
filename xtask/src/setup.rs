//! Installs what is missing and skips what is there.

use crate::exec::{Outcome, ask, cargo, command, find, io, npm, npm_bin, root, run, step, www};
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that any command needs.
pub fn everything() -> Outcome {
    wasm_tools()?;
    npm_packages()?;
    vulkan_driver();
    browser().map(|_| ())
}

/// What turns the crate into wasm packages. Returns the folder of the wasm-bindgen tools.
pub fn wasm_tools() -> Outcome<PathBuf> {
    rust_target()?;
    wasm_bindgen()
}

const WASM: &str = "wasm32-unknown-unknown";

pub fn rust_target() -> Outcome {
    let folder = ask(command("rustc").args(["--print", "target-libdir", "--target", WASM]))
        .ok_or("rustc does not run: install Rust through rustup")?;
    if Path::new(&folder).is_dir() {
        return Ok(());
    }
    if find("rustup").is_none() {
        return Err(format!(
            "this Rust has no {WASM} target and rustup is not on PATH to add it: install Rust with rustup"
        ));
    }
    step("add Rust's wasm target", || run(command("rustup").args(["target", "add", WASM])))
}

/// The folder with `wasm-bindgen` and `wasm-bindgen-test-runner` of exactly the crate's version (they speak a private
/// format): PATH, else our own copy, built once for each version and shared by all clones of this user.
fn wasm_bindgen() -> Outcome<PathBuf> {
    let version = locked_version("wasm-bindgen")?;
    let wanted = format!("wasm-bindgen {version}");
    let suffix = std::env::consts::EXE_SUFFIX;
    let is_right = |program: &Path| {
        let runner = program.with_file_name(format!("wasm-bindgen-test-runner{suffix}"));
        runner.is_file() && ask(command(program).arg("--version")).is_some_and(|said| said == wanted)
    };
    if let Some(found) = find("wasm-bindgen").filter(|program| is_right(program)) {
        return Ok(found.parent().expect("a file lies in a folder").to_path_buf());
    }
    let home = cargo_home()?.join("pinned-tools").join(format!("wasm-bindgen-cli-{version}"));
    let folder = home.join("bin");
    let program = folder.join(format!("wasm-bindgen{suffix}"));
    if is_right(&program) {
        return Ok(folder);
    }
    step(&format!("install wasm-bindgen {version} (once, some minutes)"), || {
        // Without TLS, which it needs only for remote browsers: a third of the build.
        let install = |locked: bool| {
            let mut install = cargo();
            install.args(["install", "wasm-bindgen-cli", "--no-default-features", "--version"]);
            install.arg(format!("={version}")).arg("--root").arg(&home);
            // Elsewhere than in our workspace, whose .cargo/config.toml is not meant for tools.
            install.current_dir(std::env::temp_dir());
            if locked {
                install.arg("--locked");
            }
            run(&mut install)
        };
        install(true).or_else(|_| {
            println!("  its locked dependencies cannot be had; once more with what the registry has");
            install(false)
        })
    })?;
    if is_right(&program) {
        Ok(folder)
    } else {
        Err(format!("{} is not {wanted} although it was just installed", program.display()))
    }
}

fn cargo_home() -> Outcome<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::home_dir().ok_or("no home directory: set CARGO_HOME to where cargo may keep its tools")?;
    Ok(home.join(".cargo"))
}

/// The version of a crate in Cargo.lock.
fn locked_version(name: &str) -> Outcome<String> {
    let path = root().join("Cargo.lock");
    let text = io("read", &path, fs::read_to_string(&path))?;
    let start = format!("name = \"{name}\"\nversion = \"");
    let text = text.replace("\r\n", "\n");
    text.split_once(&start)
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(version, _)| version.to_string())
        .ok_or_else(|| format!("{} names no {name}: restore it from git", path.display()))
}

/// The page's packages, as www/package-lock.json has them.
pub fn npm_packages() -> Outcome {
    node()?;
    let lock = www().join("package-lock.json");
    let stamp = www().join("node_modules").join(".installed-from");
    let wanted = io("read", &lock, fs::read(&lock))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    step("install the page's packages", || {
        run(npm()?.args(["ci", "--no-audit", "--no-fund"]))?;
        io("write", &stamp, fs::write(&stamp, &wanted))
    })
}

fn node() -> Outcome {
    let advice = "install Node 20.19 or newer";
    let said = ask(command("node").arg("--version")).ok_or(format!("node is not on PATH: {advice}"))?;
    let mut parts = said.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < (20, 19) { Err(format!("node is {said}: {advice}")) } else { Ok(()) }
}

/// A browser for the tests.
pub struct Browser {
    /// The Chromium or Chrome that was found, or that was downloaded by Playwright.
    pub program: PathBuf,
    /// Its WebDriver, for the tests compiled to wasm.
    pub driver: Option<PathBuf>,
}

impl Browser {
    fn found() -> Option<Browser> {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
        let program = names.iter().find_map(|name| find(name))?;
        Some(Browser { program, driver: find("chromedriver") })
    }
}

/// Chromium: found, else from apt where that can be done, else Playwright's own, else a sentence.
pub fn browser() -> Outcome<Browser> {
    let found = Browser::found();
    // Debian's packages belong together: its driver would not fit a Chrome from elsewhere.
    let debian = found.as_ref().is_none_or(|found| found.program.ends_with("bin/chromium"));
    let whole = found.as_ref().is_some_and(|found| found.driver.is_some());
    if !whole && may_install() && debian {
        let installed = step("install Chromium and its driver", || {
            run(apt().arg("update"))?;
            run(apt().args(["install", "-y", "--no-install-recommends", "chromium", "chromium-driver"]))
        });
        match (installed, Browser::found()) {
            (Ok(()), Some(browser)) => return Ok(browser),
            (Ok(()), None) => println!("  apt installed Chromium, but it is not on PATH"),
            (Err(error), _) => println!("  {error}"),
        }
    }
    if let Some(found) = found {
        return Ok(found);
    }
    npm_packages()?;
    // Downloads only where it is not there yet.
    let download = step("download Playwright's Chromium", || run(npm_bin("playwright").args(["install", "chromium"])));
    let path = "process.stdout.write(require('@playwright/test').chromium.executablePath())";
    let program = ask(command("node").current_dir(www()).args(["-e", path])).map(PathBuf::from);
    match (download, program.filter(|program| program.is_file())) {
        (Ok(()), Some(program)) => Ok(Browser { program, driver: find("chromedriver") }),
        _ => Err(
            "the tests need a browser: install Chromium and chromedriver (of the same version) and put both on PATH"
                .into(),
        ),
    }
}

/// Mesa's Vulkan driver that computes on the CPU, for the tests of the WebGPU backend: found, else from apt where that can be done.
/// Whether those tests must find an adapter; otherwise they say that they were skipped where there is none.
pub fn vulkan_driver() -> bool {
    let listed = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].map(Path::new);
    let of_mesa = |entry: std::io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("lvp_icd"))
    };
    let found = || listed.iter().any(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.any(of_mesa)));
    if !found() && may_install() {
        let installed = step("install a Vulkan driver", || {
            run(apt().arg("update"))?;
            run(apt().args(["install", "-y", "--no-install-recommends", "mesa-vulkan-drivers"]))
        });
        if let Err(error) = installed {
            println!("  {error}");
        }
    }
    found() || may_install()
}

/// Whether apt can install for us: root on a Debian.
fn may_install() -> bool {
    cfg!(target_os = "linux") && find("apt-get").is_some() && ask(command("id").arg("-u")).as_deref() == Some("0")
}

fn apt() -> std::process::Command {
    let mut apt = command("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    apt
}
