//! Every test, one step after the other: two cargo builds at once would fight over the target directory and the cores.

use crate::build;
use crate::exec::{Outcome, cargo, io, npm_bin, root, run, run_and_read, seconds, step, target};
use crate::report::{self, Count, Step};
use crate::setup::{self, Browser};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the steps need, prepared before the first one so that a missing thing is told at once.
struct Ready {
    tools: PathBuf,
    /// Whether a test of the WebGPU backend without an adapter fails.
    webgpu_required: bool,
    browser: Browser,
}

/// A step prints what it does; Some(count) when it runs tests.
type Work = fn(&Ready) -> Outcome<Option<Count>>;

/// In this order: the cheap ones that fail most often first; `wasm` and `browser` use what `build` has made.
const STEPS: [(&str, &str, Work); 7] = [
    ("format", "check the format", format),
    ("lint", "clippy, for this machine and for wasm", lint),
    ("native", "run the crate's tests", native),
    ("build", "build the page as it is published", page_build),
    ("page", "run the page's unit tests", page),
    ("wasm", "run the crate's tests for the browser in a browser", wasm),
    ("browser", "drive the built page in a browser", browser),
];

/// Runs all steps, or those named. A failing step does not stop the others, except those that need it.
pub fn test(names: &[&str]) -> Outcome {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.0 != **name)) {
        let known: Vec<&str> = STEPS.iter().map(|step| step.0).collect();
        return Err(format!("`{unknown}` is no step of the tests; they are {}", known.join(", ")));
    }
    let start = Instant::now();
    let tools = setup::wasm_tools()?;
    setup::npm_packages()?;
    let ready = Ready { tools, webgpu_required: setup::vulkan_driver(), browser: setup::browser()? };
    let mut done = vec![Step { name: "setup", time: start.elapsed(), tests: None, error: None }];

    for (name, what, work) in STEPS {
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let unbuilt = done.iter().any(|step| step.name == "build" && step.error.is_some());
        if name == "browser" && unbuilt {
            done.push(Step { name, time: Default::default(), tests: None, error: Some("not run: no build".into()) });
            continue;
        }
        let start = Instant::now();
        let result = step(what, || work(&ready));
        let (tests, error) = match result {
            Ok(Some(count)) if count.failed > 0 => (Some(count), Some("see above".into())),
            Ok(Some(count)) if count.passed == 0 => (Some(count), Some("no test has run".into())),
            Ok(tests) => (tests, None),
            Err(error) => {
                eprintln!("xtask: {error}");
                (None, Some(error))
            }
        };
        done.push(Step { name, time: start.elapsed(), tests, error });
    }
    println!("\nall in {}", seconds(start.elapsed()));
    report::close(&done)
}

/// Runs a test runner and counts its tests; a failed runner that counted no failed test is an error.
fn run_tests(command: &mut Command) -> Outcome<Option<Count>> {
    let (success, text) = run_and_read(command)?;
    let count = report::count(&text);
    if !success && count.failed == 0 {
        return Err("the tests did not run to their end; see above".into());
    }
    Ok(Some(count))
}

fn format(_: &Ready) -> Outcome<Option<Count>> {
    run(cargo().args(["fmt", "--all", "--check"])).map_err(|error| format!("{error}; `cargo fmt --all` mends it"))?;
    Ok(None)
}

const WASM_TESTS: [&str; 6] = [
    "--target",
    "wasm32-unknown-unknown",
    "--no-default-features",
    "--features=web-engine,web-webgpu,web-twin,web-tokenizer",
    "--test",
    "wasm",
];

/// What native builds of the tests have besides the defaults; the same in each of them, so that nothing is compiled twice.
const NATIVE_FEATURES: &str = "--features=webgpu";

fn lint(_: &Ready) -> Outcome<Option<Count>> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", NATIVE_FEATURES, "--", "-D", "warnings"]))?;
    run(cargo().args(["clippy", "--lib"]).args(WASM_TESTS).args(["--", "-D", "warnings"]))?;
    let benches = ["clippy", "--package", "engine-bench", "--lib", "--target", "wasm32-unknown-unknown"];
    for features in [&[][..], &["--features", "page"]] {
        run(cargo().args(benches).args(features).args(["--", "-D", "warnings"]))?;
    }
    Ok(None)
}

fn native(ready: &Ready) -> Outcome<Option<Count>> {
    let mut tests = cargo();
    tests.args(["test", "--workspace", "--no-fail-fast", NATIVE_FEATURES]);
    // Mesa's layer that chooses a GPU by the desktop complains where there is none
    tests.env("NODEVICE_SELECT", "1");
    if ready.webgpu_required {
        tests.env("WEBGPU_REQUIRED", "1");
    }
    run_tests(&mut tests)
}

fn page_build(ready: &Ready) -> Outcome<Option<Count>> {
    build::wasm_packages(&ready.tools)?;
    build::page()?;
    build::sizes()?;
    Ok(None)
}

fn page(_: &Ready) -> Outcome<Option<Count>> {
    // The page itself was checked when it was built.
    run(npm_bin("tsc").args(["-p", "tsconfig.tools.json"]))?;
    run(npm_bin("tsc").args(["-p", "../tests/browser"]))?;
    run_tests(npm_bin("vitest").arg("run"))
}

/// tests/wasm.rs, compiled to wasm and run by a headless browser.
fn wasm(ready: &Ready) -> Outcome<Option<Count>> {
    let Some(driver) = &ready.browser.driver else {
        let browser = ready.browser.program.display();
        return Err(format!("no chromedriver on PATH: install the one of the same version as {browser}"));
    };
    let runner = ready.tools.join(format!("wasm-bindgen-test-runner{}", std::env::consts::EXE_SUFFIX));
    run_tests(
        cargo()
            .arg("test")
            .args(WASM_TESTS)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
            .env("CHROMEDRIVER", driver)
            .env("WASM_BINDGEN_TEST_ONLY_WEB", "1")
            .env("WASM_BINDGEN_TEST_TIMEOUT", "1800")
            .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities(&ready.browser.program)?),
    )
}

/// webdriver.json with the path of the browser that was found. Returns the new file's path.
fn capabilities(browser: &Path) -> Outcome<PathBuf> {
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

/// tests/browser against www/dist, beside the native command: their numbers must agree.
fn browser(ready: &Ready) -> Outcome<Option<Count>> {
    run(cargo().args(["build", "--bin", "sparse-circuits", NATIVE_FEATURES]))?;
    let native = target().join("debug").join(format!("sparse-circuits{}", std::env::consts::EXE_SUFFIX));
    // Where nobody looks, no server may wait with a report after the last test.
    run_tests(
        npm_bin("playwright")
            .arg("test")
            .env("CHROMIUM", &ready.browser.program)
            .env("SPARSE_CIRCUITS", native)
            .env("PLAYWRIGHT_HTML_OPEN", "never"),
    )
}
