//! The native command: see [`sparse_circuits::cli`].

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    sparse_circuits::cli::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
