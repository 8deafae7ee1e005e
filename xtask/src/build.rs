//! From the crate to `pkg/` (wasm packages) and from there to `www/dist`, the folder to publish.

use crate::exec::{Result, command, io, npm_bin, root, run, step, target, www};
use crate::setup::{self, WasmTools};
use std::fs;
use std::path::Path;

/// One wasm package: a crate compiled with some of its features.
struct Package {
    /// Its folder in pkg/.
    name: &'static str,
    /// The crate's folder in the repository.
    from: &'static str,
    /// The prefix of its file names. It must be unique, because the published page has all packages in one folder.
    stem: &'static str,
    features: &'static str,
    /// The level of wasm-opt: speed for packages that compute, size for the others.
    level: &'static str,
}

const PACKAGES: [Package; 5] = [
    Package { name: "engine", from: ".", stem: "sparse_circuits", features: "web-engine", level: "-O3" },
    Package { name: "engine-webgpu", from: ".", stem: "sparse_circuits_webgpu", features: "web-webgpu", level: "-Oz" },
    Package { name: "twin", from: ".", stem: "sparse_circuits_twin", features: "web-twin", level: "-O3" },
    Package {
        name: "tokenizer",
        from: ".",
        stem: "sparse_circuits_tokenizer",
        features: "web-tokenizer",
        level: "-Oz",
    },
    // The comparison of both backends, for bench.html
    Package { name: "bench", from: "benches/engine", stem: "engine_bench", features: "page", level: "-O3" },
];

/// The features of Rust's WASM target, plus SIMD (.cargo/config.toml). In browsers without them the page shows an
/// error.
const WASM_FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Sets up, builds everything and prints the sizes of the page.
pub fn build() -> Result {
    let tools = setup::wasm_tools()?;
    setup::npm_packages()?;
    wasm_packages(&tools)?;
    page()?;
    sizes()
}

/// Builds the packages one after the other, because parallel cargo builds would only wait for each other.
pub fn wasm_packages(tools: &WasmTools) -> Result {
    for package in &PACKAGES {
        step(&format!("build pkg/{}", package.name), || wasm_package(tools, package))?;
    }
    Ok(())
}

/// wasm-pack, then npm's wasm-opt, which wasm-pack would download.
fn wasm_package(tools: &WasmTools, package: &Package) -> Result {
    let out = root().join("pkg").join(package.name);
    run(tools
        .wasm_pack()
        .args(["build", package.from, "--mode", "no-install", "--target", "web", "--profile", "wasm", "--no-opt"])
        .args(["--out-name", package.stem, "--out-dir"])
        .arg(&out)
        .args(["--", "--no-default-features", "--features", package.features]))?;

    // wasm-opt is slow, so its result is kept while its inputs do not change.
    let compiled = out.join(format!("{}_bg.wasm", package.stem));
    let kept = target().join("xtask").join(package.name);
    let optimised = kept.join("optimised.wasm");
    let mut made_from = io("read", &compiled, fs::read(&compiled))?;
    made_from.extend_from_slice(format!("{} {WASM_FEATURES:?}", package.level).as_bytes());
    let stamp = kept.join("made-from");
    if !optimised.is_file() || fs::read(&stamp).ok().as_ref() != Some(&made_from) {
        io("create", &kept, fs::create_dir_all(&kept))?;
        optimise(package.level, &compiled, &optimised)?;
        io("write", &stamp, fs::write(&stamp, &made_from))?;
    }
    io("write", &compiled, fs::copy(&optimised, &compiled))?;
    Ok(())
}

/// wasm-opt at one of its levels.
pub fn optimise(level: &str, from: &Path, to: &Path) -> Result {
    run(npm_bin("wasm-opt").args([level, "--strip-producers"]).args(WASM_FEATURES).arg(from).arg("-o").arg(to))
}

/// Type-checks and bundles the page into www/dist, models included, and lays out the embeds as an npm package.
pub fn page() -> Result {
    step("build www/dist", || {
        run(&mut npm_bin("tsc"))?;
        run(npm_bin("vite").args(["build", "--logLevel", "warn"]))?;
        run(command("node").current_dir(www()).arg("scripts/licenses.mjs"))
    })?;
    step("lay out the npm package in www/dist-npm", || {
        run(command("node").current_dir(www()).arg("scripts/npm-package.mjs"))
    })
}

/// Writes the page as one HTML file, from www/dist and the wasm packages, which must be built. `out` is relative to the
/// folder that the command was called in.
pub fn bundle(out: &Path, twin: bool) -> Result {
    step("write the page as one file", || {
        let out = io("find the folder of", out, std::path::absolute(out))?;
        let mut script = command("node");
        script.current_dir(www()).arg("scripts/bundle.mjs").arg("--out").arg(out);
        run(if twin { script.arg("--twin") } else { &mut script })
    })
}

/// Prints the size of each published file, and the totals next to their budgets.
pub fn sizes() -> Result {
    step("print the sizes of www/dist", || run(command("node").current_dir(www()).arg("scripts/sizes.mjs")))
}
