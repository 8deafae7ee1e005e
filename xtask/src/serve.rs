//! Serves www/dist, on this machine or in its local network, with Vite's preview server.

use crate::build;
use crate::exec::{Result, npm_bin, run, say};
use crate::lan;
use std::io::IsTerminal;
use std::net::{Ipv4Addr, TcpListener};

const DEFAULT_PORT: u16 = 4173;

/// Builds the page and serves it until interrupted. Vite prints the address.
///
/// The default port is 4173, or the next free one. A given port must be free.
pub fn serve(port: Option<u16>) -> Result {
    build::build()?;
    say("\nThe page is ready (Ctrl-C stops the server):");
    let mut preview = npm_bin("vite");
    preview.args(["preview", "--host", "127.0.0.1", "--port"]).arg(port.unwrap_or(DEFAULT_PORT).to_string());
    if port.is_some() {
        preview.arg("--strictPort");
    }
    run(&mut preview)
}

/// Builds the page and serves it to the local network until interrupted. Prints the addresses, and the first one as a QR
/// code.
pub fn serve_lan(port: Option<u16>) -> Result {
    // Before the build, which takes minutes
    let addresses = lan::addresses()?;
    let port = free_port(port)?;
    build::build()?;
    let urls: Vec<String> = addresses.iter().map(|ip| format!("http://{ip}:{port}/")).collect();
    let qr = lan::qr(&urls[0])?;
    let qr = if std::io::stdout().is_terminal() { lan::coloured(&qr) } else { qr };
    say(&format!("\n{qr}\nEvery machine of this network can open the page (Ctrl-C stops the server):"));
    for url in &urls {
        say(&format!("  {url}"));
    }
    say("If it cannot be reached, the firewall of this machine must let the port through, or the network keeps its");
    say("machines apart. Over http the page has no WebGPU, is not stored for use without network and cannot copy.");
    let mut preview = npm_bin("vite");
    // The addresses are printed already.
    preview
        .args(["preview", "--host", "0.0.0.0", "--strictPort", "--logLevel", "warn", "--port"])
        .arg(port.to_string());
    run(&mut preview)
}

/// The given port if it is free; 0 is any free one. By default 4173, or the next free one.
fn free_port(port: Option<u16>) -> Result<u16> {
    let bind = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).and_then(|listener| listener.local_addr());
    let address = match port {
        Some(port) => bind(port).map_err(|error| format!("cannot serve at port {port}: {error}")),
        None => (DEFAULT_PORT..=u16::MAX).find_map(|port| bind(port).ok()).ok_or("no port is free".to_string()),
    }?;
    Ok(address.port())
}
