//! Installs missing programs and packages.

use crate::exec::{Result, ask, cargo, command, find, io, npm, npm_bin, root, run, step, www};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that any command needs.
pub fn everything() -> Result {
    wasm_tools()?;
    npm_packages()?;
    vulkan_driver();
    browser()?;
    firefox().map(|_| ())
}

/// The version of wasm-pack. The version of wasm-bindgen comes from Cargo.lock.
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
    /// They run for seconds only, so optimise their compile time.
    opt_level: &'static str,
    /// The names of the programs. `--version` of the first one is checked.
    programs: &'static [&'static str],
}

impl CargoTool {
    /// The folder that has the programs in exactly this version: on PATH, or our own copy.
    fn found(&self) -> Result<Option<PathBuf>> {
        let on_path = find(self.programs[0]).and_then(|program| program.parent().map(Path::to_path_buf));
        Ok([on_path, Some(self.home()?.join("bin"))].into_iter().flatten().find(|folder| self.is_in(folder)))
    }

    /// The folder of our own copy, shared by all checkouts of the user.
    fn home(&self) -> Result<PathBuf> {
        Ok(pinned_tools()?.join(format!("{}-{}", self.package, self.version)))
    }

    fn is_in(&self, folder: &Path) -> bool {
        let program = |name: &&str| folder.join(executable(name));
        let wanted = format!("{} {}", self.programs[0], self.version);
        self.programs.iter().all(|name| program(name).is_file())
            && ask(command(program(&self.programs[0])).arg("--version")).is_some_and(|version| version == wanted)
    }

    /// The folder with the programs. Compiles them if they are missing.
    fn folder(&self) -> Result<PathBuf> {
        if let Some(folder) = self.found()? {
            return Ok(folder);
        }
        let home = self.home()?;
        let run_cargo = |lock: &[&str]| {
            let mut install = cargo();
            install.args(["install", self.package, "--version"]).arg(format!("={}", self.version));
            install.args(self.options).args(lock).arg("--root").arg(&home);
            // Run outside our workspace, because its .cargo/config.toml is not for tools.
            install.current_dir(std::env::temp_dir());
            for (setting, value) in
                [("OPT_LEVEL", self.opt_level), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0")]
            {
                install.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
            }
            run(&mut install)
        };
        step(&format!("install {} {} (once, takes some minutes)", self.package, self.version), || {
            run_cargo(&["--locked"]).or_else(|_| {
                println!("  its locked dependencies are not available; trying again with the newest ones");
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

/// The folder of our own copies of the tools.
fn pinned_tools() -> Result<PathBuf> {
    Ok(cargo_home()?.join("pinned-tools"))
}

fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(PathBuf::from(home));
    }
    let home = std::env::home_dir().ok_or("there is no home directory; set CARGO_HOME")?;
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
        .ok_or_else(|| format!("{} has no package {name}; restore the file from git", path.display()))
}

/// Installs the page's npm packages from www/package-lock.json.
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

/// Finds Chromium. Otherwise installs it with apt if possible, otherwise downloads Playwright's Chromium.
pub fn browser() -> Result<Browser> {
    let found = Browser::found();
    // Debian's chromedriver fits only Debian's Chromium.
    let debian = found.as_ref().is_none_or(|found| found.program.ends_with("bin/chromium"));
    let complete = found.as_ref().is_some_and(|found| found.driver.is_some());
    if !complete && may_install() && debian {
        let installed = step("install Chromium and chromedriver", || {
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
    // Downloads only if it is missing.
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

/// Finds Firefox, or installs Debian's with apt if possible. None if there is none and apt is not available: its test is
/// then skipped, and the report says so.
pub fn firefox() -> Result<Option<PathBuf>> {
    let found = || ["firefox-esr", "firefox"].iter().find_map(|name| find(name));
    if found().is_none() && may_install() {
        step("install Firefox", || {
            run(apt().arg("update"))?;
            run(apt().args(["install", "-y", "--no-install-recommends", "firefox-esr"]))
        })?;
    }
    let firefox = found();
    if firefox.is_none() {
        println!("  no Firefox on PATH: the test that drives it is skipped");
    }
    Ok(firefox)
}

/// Finds Mesa's Vulkan driver for the CPU, which the tests of the WebGPU backend need, or installs it with apt if
/// possible. Returns whether these tests must find an adapter. If not, they are skipped without one, and the report
/// says so.
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

/// Whether apt can install packages: root on Debian.
fn may_install() -> bool {
    cfg!(target_os = "linux") && find("apt-get").is_some() && ask(command("id").arg("-u")).as_deref() == Some("0")
}

fn apt() -> Command {
    let mut apt = command("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    apt
}
