//! One value from a callback to whoever waits for it, or looks whether it has come.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Poll, Waker};

/// The first value given stays.
pub struct Signal<T>(Arc<Mutex<State<T>>>);

struct State<T> {
    value: Option<T>,
    waiting: Vec<Waker>,
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Signal(self.0.clone())
    }
}

impl<T: Clone> Signal<T> {
    pub fn new() -> Signal<T> {
        Signal(Arc::new(Mutex::new(State { value: None, waiting: Vec::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn give(&self, value: T) {
        let mut state = self.state();
        state.value.get_or_insert(value);
        let waiting = std::mem::take(&mut state.waiting);
        // a woken task may look at once
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// What was given so far.
    pub fn now(&self) -> Option<T> {
        self.state().value.clone()
    }

    pub fn wait(self) -> impl Future<Output = T> {
        poll_fn(move |context| {
            let mut state = self.state();
            match &state.value {
                Some(value) => Poll::Ready(value.clone()),
                None => {
                    state.waiting.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Signal;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn everyone_who_waits_gets_the_first_value() {
        let signal = Signal::new();
        let mut waits = [pin!(signal.clone().wait()), pin!(signal.clone().wait())];
        let context = &mut Context::from_waker(Waker::noop());
        assert!(waits.iter_mut().all(|wait| wait.as_mut().poll(context) == Poll::Pending));
        assert_eq!(signal.now(), None);
        signal.give(1);
        signal.give(2);
        assert!(waits.iter_mut().all(|wait| wait.as_mut().poll(context) == Poll::Ready(1)));
        assert_eq!(signal.now(), Some(1));
    }
}
