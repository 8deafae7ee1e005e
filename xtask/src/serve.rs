//! A small static file server for www/dist: this machine only, nothing but GET and HEAD.

use crate::build;
use crate::exec::{Outcome, io, www};
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub const DEFAULT_PORT: u16 = 4173;

/// Builds the page, then serves it until interrupted. When the default port is taken, any free one.
pub fn serve(port: u16) -> Outcome {
    build::build()?;
    let folder = www().join("dist");
    let folder = Arc::new(io("open", &folder, fs::canonicalize(&folder))?);
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && port == DEFAULT_PORT => {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        }
        other => other,
    }
    .map_err(|error| format!("cannot serve at port {port}: {error}; choose another with --port"))?;
    let port = listener.local_addr().map_err(|error| format!("cannot serve: {error}"))?.port();
    println!("\nThe page is ready (Ctrl-C stops it):\n\nhttp://127.0.0.1:{port}/\n");
    for connection in listener.incoming().flatten() {
        let folder = folder.clone();
        // One short-lived thread a request; a browser opens a handful at a time.
        std::thread::spawn(move || answer(connection, &folder));
    }
    Ok(())
}

/// Answers one request and closes. A connection that breaks is the browser's business.
fn answer(connection: TcpStream, folder: &Path) -> Option<()> {
    connection.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut request = String::new();
    let mut reader = BufReader::new(&connection).take(16 * 1024);
    while reader.read_line(&mut request).ok()? > 2 {}
    let mut words = request.split_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let mut writer = &connection;
    let mut head = |status: &str, kind: &str, length: usize| {
        write!(
            writer,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
        )
        .ok()
    };
    let found = if method == "GET" || method == "HEAD" { locate(folder, target) } else { None };
    let Some(body) = found.as_ref().and_then(|path| fs::read(path).ok()) else {
        let text = "There is no such file.\n";
        head("404 Not Found", "text/plain; charset=utf-8", text.len())?;
        return (&connection).write_all(text.as_bytes()).ok();
    };
    head("200 OK", kind(found.as_deref()?), body.len())?;
    if method == "GET" { (&connection).write_all(&body).ok() } else { Some(()) }
}

/// The file that a request's target names, if it lies inside the folder.
fn locate(folder: &Path, target: &str) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?;
    let mut found = folder.join(percent_decoded(path)?.trim_start_matches('/'));
    if found.is_dir() {
        found.push("index.html");
    }
    let found = fs::canonicalize(found).ok()?;
    (found.starts_with(folder) && found.is_file()).then_some(found)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map" | "webmanifest") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("md" | "txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(request: &str) -> String {
        let folder = std::env::temp_dir().join(format!("xtask-serve-{}-{}", std::process::id(), request.len()));
        let site = folder.join("site");
        fs::create_dir_all(site.join("models")).unwrap();
        fs::write(site.join("index.html"), "home").unwrap();
        fs::write(site.join("models/a b.json"), "{}").unwrap();
        fs::write(folder.join("secret"), "secret").unwrap();
        let site = fs::canonicalize(site).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut browser = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        browser.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        answer(listener.accept().unwrap().0, &site);
        let mut text = String::new();
        browser.read_to_string(&mut text).unwrap();
        fs::remove_dir_all(folder).unwrap();
        text
    }

    #[test]
    fn a_folder_is_its_index() {
        let answer = ask("GET /");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nhome"), "{answer}");
    }

    #[test]
    fn names_are_decoded_and_queries_ignored() {
        let answer = ask("GET /models/a%20b.json?v=1");
        assert!(answer.contains("application/json") && answer.ends_with("{}"), "{answer}");
    }

    #[test]
    fn head_has_no_body() {
        let answer = ask("HEAD /index.html");
        assert!(answer.contains("Content-Length: 4\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        for request in ["GET /../secret", "GET /%2e%2e/secret", "GET //../secret", "GET /none", "GET /%zz", "POST /"] {
            assert!(ask(request).starts_with("HTTP/1.1 404"), "{request}");
        }
    }
}
