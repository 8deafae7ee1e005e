//! The one error type. Each message is a whole sentence for the person who caused it.

use std::path::PathBuf;

/// What can go wrong. No variant is a bug in the engine: those are asserts in tests.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A bad argument, prompt, file content or combination of options. The message says what is
    /// wrong and what to do.
    #[error("{0}")]
    Invalid(String),
    /// The operating system refused a file.
    #[error("cannot {action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    /// The compute device failed (lost, out of memory); the caller may fall back to another backend.
    #[error("the compute device failed: {0}")]
    Backend(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn invalid(message: impl Into<String>) -> Self {
        Error::Invalid(message.into())
    }
}

/// `bail!("...")` returns an [`Error::Invalid`] with a formatted sentence.
#[macro_export]
macro_rules! bail {
    ($($arg:tt)*) => { return Err($crate::Error::Invalid(format!($($arg)*))) };
}
