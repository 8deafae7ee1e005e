//! What commands print, and the files that they write.

pub use crate::console::{note, print};

use crate::{Result, files};
use std::path::Path;

/// Prints one line of JSON.
///
/// # Errors
/// As [`print`].
pub fn print_json(value: &serde_json::Value) -> Result<()> {
    print(&format!("{value}\n"))
}

/// Writes the file of `--out`, then prints a line about it. If the file goes to standard output, the line goes to
/// standard error.
///
/// # Errors
/// As [`files::write`] and [`print`].
pub fn write_out(out: &Path, bytes: &[u8], line: &str) -> Result<()> {
    files::write(out, bytes)?;
    if files::is_standard_output(out) {
        note(line);
        return Ok(());
    }
    print(&format!("{line}\n"))
}
