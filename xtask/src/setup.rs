//! Installs what is missing and skips what is there.

use crate::exec::{Result, ask, cargo, command, find, io, npm, npm_bin, root, run, step, www};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that any command needs.
pub fn everything() -> Result {
    wasm_tools()?;
    npm_packages()?;
    vulkan_driver();
    browser().map(|_| ())
}

/// The version of wasm-pack. That of wasm-bindgen is the crate's, from Cargo.lock.
const WASM_PACK: &str = "0.15.1";

/// The folders of the programs that build the wasm packages and run the wasm tests.
pub struct WasmTools {
    wasm_pack: PathBuf,
    wasm_bindgen: PathBuf,
}

impl WasmTools {
    /// wasm-pack, as a command that finds the right wasm-bindgen and installs nothing by itself.
    pub fn wasm_pack(&self) -> Command {
        let mut wasm_pack = command(self.wasm_pack.join(executable("wasm-pack")));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.wasm_bindgen.clone()).chain(std::env::split_paths(&path));
        wasm_pack.env("PATH", std::env::join_paths(folders).expect("PATH was split at its separators"));
        wasm_pack
    }
}

/// Rust's wasm target, wasm-pack and wasm-bindgen.
pub fn wasm_tools() -> Result<WasmTools> {
    rust_target()?;
    // wasm-bindgen and its test runner share a private format with the crate of the same version.
    let bindgen = CargoTool {
        package: "wasm-bindgen-cli",
        version: locked_version("wasm-bindgen")?,
        // Without TLS, which it needs only for remote browsers
        options: &["--no-default-features"],
        opt_level: "1",
        programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
    };
    let pack = CargoTool {
        package: "wasm-pack",
        version: WASM_PACK.into(),
        options: &[],
        // It only starts other programs
        opt_level: "0",
        programs: &["wasm-pack"],
    };
    Ok(WasmTools { wasm_bindgen: bindgen.folder()?, wasm_pack: pack.folder()? })
}

/// Programs that `cargo install` compiles.
struct CargoTool {
    package: &'static str,
    version: String,
    options: &'static [&'static str],
    /// They run for seconds: what counts is that they compile quickly.
    opt_level: &'static str,
    /// The first one tells its version.
    programs: &'static [&'static str],
}

impl CargoTool {
    /// The folder with the programs of exactly this version, if there is one: of PATH, or our own.
    fn found(&self) -> Result<Option<PathBuf>> {
        let on_path = find(self.programs[0]).and_then(|program| program.parent().map(Path::to_path_buf));
        Ok([on_path, Some(self.home()?.join("bin"))].into_iter().flatten().find(|folder| self.is_in(folder)))
    }

    /// Our own copy, which all checkouts of this user share.
    fn home(&self) -> Result<PathBuf> {
        Ok(pinned_tools()?.join(format!("{}-{}", self.package, self.version)))
    }

    fn is_in(&self, folder: &Path) -> bool {
        let program = |name: &&str| folder.join(executable(name));
        let wanted = format!("{} {}", self.programs[0], self.version);
        self.programs.iter().all(|name| program(name).is_file())
            && ask(command(program(&self.programs[0])).arg("--version")).is_some_and(|version| version == wanted)
    }

    /// The folder with the programs, which are compiled once where there are none.
    fn folder(&self) -> Result<PathBuf> {
        if let Some(folder) = self.found()? {
            return Ok(folder);
        }
        let home = self.home()?;
        let run_cargo = |lock: &[&str]| {
            let mut install = cargo();
            install.args(["install", self.package, "--version"]).arg(format!("={}", self.version));
            install.args(self.options).args(lock).arg("--root").arg(&home);
            // Outside our workspace, whose .cargo/config.toml is not meant for tools.
            install.current_dir(std::env::temp_dir());
            for (setting, value) in
                [("OPT_LEVEL", self.opt_level), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0")]
            {
                install.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
            }
            run(&mut install)
        };
        step(&format!("install {} {} (once, some minutes)", self.package, self.version), || {
            run_cargo(&["--locked"]).or_else(|_| {
                println!("  its locked dependencies are not available; trying again with the registry's newest");
                run_cargo(&[])
            })
        })?;
        self.found()?
            .ok_or_else(|| format!("{} {} does not run although it was just installed", self.package, self.version))
    }
}

/// The file name of a program.
pub fn executable(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

const WASM: &str = "wasm32-unknown-unknown";

pub fn rust_target() -> Result {
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

/// Where our own copies of cargo's tools are.
fn pinned_tools() -> Result<PathBuf> {
    Ok(cargo_home()?.join("pinned-tools"))
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::home_dir().ok_or("no home directory: set CARGO_HOME to where cargo may keep its tools")?;
    Ok(home.join(".cargo"))
}

/// The version of a crate in Cargo.lock.
fn locked_version(name: &str) -> Result<String> {
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
pub fn npm_packages() -> Result {
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

fn node() -> Result {
    let advice = "install Node 20.19 or newer";
    let version = ask(command("node").arg("--version")).ok_or(format!("node is not on PATH: {advice}"))?;
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let major_minor = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if major_minor < (20, 19) { Err(format!("node is {version}: {advice}")) } else { Ok(()) }
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

/// Chromium: found, else from apt where possible, else Playwright's own, else an error.
pub fn browser() -> Result<Browser> {
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

/// Mesa's Vulkan driver that computes on the CPU, for the tests of the WebGPU backend: found, else from apt where possible.
/// Returns whether those tests must find an adapter; otherwise they are skipped without one, and the report says so.
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

fn apt() -> Command {
    let mut apt = command("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    apt
}
