//! Runs every test, in two lanes at the same time.

use crate::build;
use crate::exec::{Result, cargo, io, labelled, npm_bin, root, run, run_and_read, say, seconds, step, target};
use crate::report::{self, Count, Step};
use crate::setup::{self, Browser, WasmTools, executable};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the steps need. It is prepared before the first step, so that a missing program is reported at once.
struct Tools {
    wasm: WasmTools,
    /// Whether a test of the WebGPU backend fails without an adapter; otherwise it is skipped.
    webgpu_required: bool,
    /// None when no step needs one.
    browser: Option<Browser>,
    /// None when no step needs it or this machine has none.
    firefox: Option<PathBuf>,
}

impl Tools {
    fn browser(&self) -> &Browser {
        self.browser.as_ref().expect("steps with a browser are not quick")
    }
}

/// A step prints what it does. It returns a count when it runs tests.
type Work = fn(&Tools) -> Result<Option<Count>>;

/// The steps of `--quick`: all that need no browser and no built page.
const QUICK: [&str; 4] = ["format", "lint", "native", "page"];

/// The steps of a lane run one after the other, both lanes at the same time: much of a build uses one core only. The
/// lanes use different folders of target/, because cargo builds in one folder would wait for each other.
const LANES: [&[(&str, &str, Work)]; 2] = [
    &[
        ("format", "check the format", format),
        ("lint", "clippy, for this machine and for wasm", lint),
        ("native", "run the crate's tests", native),
        ("wasm", "run the crate's tests for the browser in a browser", wasm),
    ],
    &[
        ("build", "build the page as it is published", page_build),
        ("page", "run the page's unit tests", page),
        ("browser", "drive the built page in a browser", browser),
    ],
];

/// `[--quick] [STEP]...`: runs all steps, or the quick ones, or the named ones. After a failing step the others still run,
/// except those that need it.
pub fn test(arguments: &[&str]) -> Result {
    let (flags, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|word| word.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|flag| **flag != "--quick") {
        return Err(format!("`{unknown}` is not an option of `cargo xtask test`; the only option is --quick"));
    }
    let known: Vec<&str> = LANES.iter().copied().flatten().map(|step| step.0).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("`{unknown}` is not a step; the steps are {}", known.join(", ")));
    }
    let wanted = |name: &str| match (names.is_empty(), flags.is_empty()) {
        (true, true) => true,
        (true, false) => QUICK.contains(&name),
        (false, _) => names.contains(&name),
    };
    let start = Instant::now();
    let wasm = setup::wasm_tools()?;
    setup::npm_packages()?;
    let browser = ["wasm", "browser"].into_iter().any(wanted).then(setup::browser).transpose()?;
    let firefox = if wanted("browser") { setup::firefox()? } else { None };
    let tools = Tools { wasm, webgpu_required: setup::vulkan_driver(), browser, firefox };
    let setup = Step { name: "setup", time: start.elapsed(), tests: None, error: None };

    let lanes = LANES.map(|lane| lane.iter().filter(|step| wanted(step.0)).collect::<Vec<_>>());
    let alone = lanes.iter().any(|lane| lane.is_empty());
    let done = std::thread::scope(|scope| {
        let tools = &tools;
        let lanes = lanes.map(|lane| scope.spawn(move || run_lane(&lane, tools, alone)));
        lanes.map(|lane| lane.join().expect("a step returns its errors"))
    });
    println!("\ntotal time: {}", seconds(start.elapsed()));
    report::close(&[setup].into_iter().chain(done.into_iter().flatten()).collect::<Vec<_>>())
}

/// Runs the steps of one lane. A lane that is `alone` prints without labels.
fn run_lane(steps: &[&(&'static str, &str, Work)], tools: &Tools, alone: bool) -> Vec<Step> {
    let mut done: Vec<Step> = Vec::new();
    for &&(name, what, work) in steps {
        let unbuilt = done.iter().any(|step| step.name == "build" && step.error.is_some());
        if name == "browser" && unbuilt {
            let error = Some("not run, because the build failed".into());
            done.push(Step { name, time: Default::default(), tests: None, error });
            continue;
        }
        let start = Instant::now();
        let (tests, error) = labelled(if alone { "" } else { name }, || match step(what, || work(tools)) {
            Ok(Some(count)) if count.failed > 0 => (Some(count), Some("see above".into())),
            Ok(Some(count)) if count.passed == 0 => (Some(count), Some("no test ran".into())),
            Ok(tests) => (tests, None),
            Err(error) => {
                say(&format!("xtask: {error}"));
                (None, Some(error))
            }
        });
        done.push(Step { name, time: start.elapsed(), tests, error });
    }
    done
}

/// Runs a test runner and counts its tests. A runner that fails without a failed test is an error.
fn run_tests(command: &mut Command) -> Result<Option<Count>> {
    let (success, text) = run_and_read(command)?;
    let count = report::count(&text);
    if !success && count.failed == 0 {
        return Err("the tests did not finish; see above".into());
    }
    Ok(Some(count))
}

fn format(_: &Tools) -> Result<Option<Count>> {
    run(cargo().args(["fmt", "--all", "--check"])).map_err(|error| format!("{error}; run `cargo fmt --all`"))?;
    Ok(None)
}

/// The extra features of native test builds. All of them use the same, so that nothing is compiled twice.
const NATIVE_FEATURES: &str = "--features=webgpu";

fn lint(_: &Tools) -> Result<Option<Count>> {
    let deny = ["--", "-D", "warnings"];
    run(cargo().args(["clippy", "--workspace", "--all-targets", NATIVE_FEATURES]).args(deny))?;
    // All code for browsers, and the jobs that `cargo xtask bench` compiles for node
    let wasm = ["clippy", "--target", "wasm32-unknown-unknown", "--lib", "--no-default-features", "--package"];
    let all = "--features=sparse-circuits/web-engine,sparse-circuits/web-webgpu,sparse-circuits/web-twin,\
               sparse-circuits/web-tokenizer,engine-bench/page";
    run(cargo().args(wasm).args(["sparse-circuits", "--package", "engine-bench", "--test", "wasm", all]).args(deny))?;
    run(cargo().args(wasm).arg("engine-bench").args(deny))?;
    Ok(None)
}

fn native(tools: &Tools) -> Result<Option<Count>> {
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--no-fail-fast", NATIVE_FEATURES]);
    // Mesa's layer that chooses a GPU by the desktop prints warnings without a desktop
    tests.env("NODEVICE_SELECT", "1");
    if tools.webgpu_required {
        tests.env("WEBGPU_REQUIRED", "1");
    }
    run_tests(&mut tests)
}

fn page_build(tools: &Tools) -> Result<Option<Count>> {
    build::wasm_packages(&tools.wasm)?;
    build::page()?;
    build::sizes()?;
    build::bundle(&one_file(), false)?;
    Ok(None)
}

/// The page as one file, for its tests.
fn one_file() -> PathBuf {
    target().join("xtask").join("page.html")
}

fn page(_: &Tools) -> Result<Option<Count>> {
    // The build has already type-checked the page.
    run(npm_bin("tsc").args(["-p", "tsconfig.tools.json"]))?;
    run(npm_bin("tsc").args(["-p", "tsconfig.sw.json"]))?;
    run(npm_bin("tsc").args(["-p", "../tests/browser"]))?;
    run_tests(npm_bin("vitest").arg("run"))
}

/// tests/wasm.rs, compiled to wasm and run by a headless browser.
fn wasm(tools: &Tools) -> Result<Option<Count>> {
    let browser = tools.browser();
    let Some(driver) = &browser.driver else {
        let program = browser.program.display();
        return Err(format!("chromedriver is not on PATH: install the one of the same version as {program}"));
    };
    run_tests(
        tools
            .wasm
            .wasm_pack()
            .args(["test", "--headless", "--chrome", "--mode", "no-install", "--chromedriver"])
            .arg(driver)
            .args([".", "--no-default-features", "--features=webgpu", "--test", "wasm"])
            .env("WASM_BINDGEN_TEST_ONLY_WEB", "1")
            .env("WASM_BINDGEN_TEST_TIMEOUT", "1800")
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(&browser.program)?),
    )
}

/// webdriver.json with the path of the browser that was found. Returns the new file's path.
fn capabilities(browser: &Path) -> Result<PathBuf> {
    let from = root().join("webdriver.json");
    let text = io("read", &from, fs::read_to_string(&from))?;
    let path = browser.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    let key = "\"goog:chromeOptions\": {";
    if !text.contains(key) {
        return Err(format!("{} lacks {key}", from.display()));
    }
    let folder = target().join("xtask");
    io("create", &folder, fs::create_dir_all(&folder))?;
    let to = folder.join("webdriver.json");
    let text = text.replace(key, &format!("{key} \"binary\": \"{path}\","));
    io("write", &to, fs::write(&to, text))?;
    Ok(to)
}

/// tests/browser against www/dist and the native command, whose numbers must agree.
fn browser(tools: &Tools) -> Result<Option<Count>> {
    // Use the same command as the step `native`: `cargo build` would compile dependencies with other features.
    run(cargo().args(["test", "--workspace", "--no-run", "--test", "suite", NATIVE_FEATURES]))?;
    let native = target().join("debug").join(executable("sparse-circuits"));
    // Without this, a server for the report keeps running after a failed test.
    let mut playwright = npm_bin("playwright");
    playwright
        .arg("test")
        .env("CHROMIUM", &tools.browser().program)
        .env("SPARSE_CIRCUITS", native)
        .env("ONE_FILE", one_file());
    if let Some(firefox) = &tools.firefox {
        playwright.env("FIREFOX", firefox);
    }
    run_tests(playwright.env("PLAYWRIGHT_HTML_OPEN", "never"))
}
