//! From the crate to `pkg/` (five wasm packages) and from there to `www/dist`, the folder to publish.

use crate::exec::{Outcome, cargo, command, io, npm_bin, root, run, step, target, www};
use crate::setup;
use std::fs;
use std::path::Path;

/// One wasm package: a crate compiled with some of its features.
struct Package {
    /// Its folder in pkg/.
    name: &'static str,
    from: &'static str,
    /// What its files' names start with: two of a name could not be told apart once published.
    stem: &'static str,
    feature: &'static str,
    /// wasm-opt's level: the engine is to be fast; the tokenizer small, and what only hands work to a GPU too.
    level: &'static str,
}

const OURS: &str = "sparse-circuits";

const PACKAGES: [Package; 5] = [
    Package { name: "engine", from: OURS, stem: "sparse_circuits", feature: "web-engine", level: "-O3" },
    Package { name: "engine-webgpu", from: OURS, stem: "sparse_circuits_webgpu", feature: "web-webgpu", level: "-Oz" },
    Package { name: "twin", from: OURS, stem: "sparse_circuits_twin", feature: "web-twin", level: "-O3" },
    Package {
        name: "tokenizer",
        from: OURS,
        stem: "sparse_circuits_tokenizer",
        feature: "web-tokenizer",
        level: "-Oz",
    },
    // Both backends side by side, for bench.html.
    Package { name: "bench", from: "engine-bench", stem: "engine_bench", feature: "page", level: "-O3" },
];

/// What Rust's wasm target uses by default, and SIMD (.cargo/config.toml). Old browsers are told by the page.
const WASM_FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Sets up, builds everything and prints what the page weighs.
pub fn build() -> Outcome {
    let tools = setup::wasm_tools()?;
    setup::npm_packages()?;
    wasm_packages(&tools)?;
    page()?;
    sizes()
}

/// Builds the packages one after the other: all come out of cargo under the same file name.
///
/// These are wasm-pack's steps (cargo, wasm-bindgen, wasm-opt) without wasm-pack, which would download the last two.
pub fn wasm_packages(tools: &Path) -> Outcome {
    for package in &PACKAGES {
        step(&format!("build pkg/{}", package.name), || wasm_package(tools, package))?;
    }
    Ok(())
}

fn wasm_package(tools: &Path, package: &Package) -> Outcome {
    run(cargo().args(["build", "--lib", "--profile", "wasm", "--target", "wasm32-unknown-unknown"]).args([
        "--package",
        package.from,
        "--no-default-features",
        "--features",
        package.feature,
    ]))?;
    let file = package.from.replace('-', "_");
    let compiled = target().join(format!("wasm32-unknown-unknown/wasm/{file}.wasm"));
    let work = target().join("xtask").join(package.name);
    let out = root().join("pkg").join(package.name);

    // wasm-opt is the slow part: only when the compiler's output or what we do with it has changed.
    let recipe = format!("{} {WASM_FEATURES:?} {}", package.level, tools.display());
    let mut made_from = io("read", &compiled, fs::read(&compiled))?;
    made_from.extend_from_slice(recipe.as_bytes());
    let stamp = work.join("made-from");
    if fs::read(&stamp).is_ok_and(|last| last == made_from) && out.join(format!("{}_bg.wasm", package.stem)).is_file() {
        println!("  pkg/{} is up to date", package.name);
        return Ok(());
    }
    if work.exists() {
        io("remove", &work, fs::remove_dir_all(&work))?;
    }
    run(command(tools.join("wasm-bindgen"))
        .args(["--target", "web", "--remove-producers-section", "--out-name", package.stem, "--out-dir"])
        .arg(&work)
        .arg(&compiled))?;
    let raw = work.join(format!("{}_bg.wasm", package.stem));
    let optimised = work.join("optimised.wasm");
    optimise(package.level, &raw, &optimised)?;
    io("move", &optimised, fs::rename(&optimised, &raw))?;

    io("create", &out, fs::create_dir_all(&out))?;
    for end in ["_bg.wasm", "_bg.wasm.d.ts", ".js", ".d.ts"] {
        let name = format!("{}{end}", package.stem);
        let to = out.join(&name);
        io("write", &to, fs::copy(work.join(&name), &to))?;
    }
    io("write", &stamp, fs::write(&stamp, &made_from))
}

/// wasm-opt, at a level of its.
pub fn optimise(level: &str, from: &Path, to: &Path) -> Outcome {
    run(npm_bin("wasm-opt").arg(level).args(WASM_FEATURES).arg(from).arg("-o").arg(to))
}

/// Type-checks and bundles the page into www/dist, models included.
pub fn page() -> Outcome {
    step("build www/dist", || {
        run(&mut npm_bin("tsc"))?;
        run(npm_bin("vite").args(["build", "--logLevel", "warn"]))?;
        run(command("node").current_dir(www()).arg("scripts/licenses.mjs"))
    })
}

/// Prints the size of each published file and the totals beside the budgets.
pub fn sizes() -> Outcome {
    step("weigh www/dist", || run(command("node").current_dir(www()).arg("scripts/sizes.mjs")))
}
