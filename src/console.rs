//! The one place that writes to standard output and standard error. Neither can make the program panic.

use crate::{Error, Result};
use std::io::{self, Write};

/// Writes to standard output.
///
/// A reader that stops early (`| head`) is not an error: the rest of the text is dropped.
///
/// # Errors
/// Any other failure, such as a full disk behind `> file`.
pub fn print(text: &str) -> Result<()> {
    write_with(|out| out.write_all(text.as_bytes()))
}

/// As [`print`], for content that is made piece by piece, and for bytes.
///
/// # Errors
/// As [`print`], and the errors of `fill`.
pub fn write_with(fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match fill(&mut out).and_then(|()| out.flush()) {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Io { action: "write to", path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error. There is nowhere to report a failure to, so it is ignored.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
