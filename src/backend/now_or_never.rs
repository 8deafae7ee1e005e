//! Waiting for backends that never make one wait.

use crate::{Error, Result};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What a future gives whose only waits are reads of a backend that fulfils them at once, as the CPU's does.
///
/// # Errors
/// The future's own; [`Error::Backend`] when it does wait.
pub fn now_or_never<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::Backend("it did not answer at once, as the CPU does".into())),
    }
}
