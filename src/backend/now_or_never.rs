//! Running futures of backends that never wait.

use crate::{Error, Result};
use futures_util::FutureExt;

/// The result of a future that waits only for readings of a backend that answers at once: the CPU, and natively the GPU, whose
/// readings block.
///
/// # Errors
/// The future's own. [`Error::Backend`] when it does wait.
pub fn now_or_never<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let waits = || Err(Error::Backend("the backend did not answer at once".into()));
    future.now_or_never().unwrap_or_else(waits)
}
