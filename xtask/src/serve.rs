//! Serves www/dist on this machine, with Vite's preview server.

use crate::build;
use crate::exec::{Result, npm_bin, run};

const DEFAULT_PORT: u16 = 4173;

/// Builds the page and serves it until interrupted. Vite prints the address.
///
/// The default port is 4173, or the next free one. A given port must be free.
pub fn serve(port: Option<u16>) -> Result {
    build::build()?;
    println!("\nThe page is ready (Ctrl-C stops the server):");
    let mut preview = npm_bin("vite");
    preview.args(["preview", "--host", "127.0.0.1", "--port"]).arg(port.unwrap_or(DEFAULT_PORT).to_string());
    if port.is_some() {
        preview.arg("--strictPort");
    }
    run(&mut preview)
}
