//! Locks that outlive a panic, and flags that are set once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Locks a mutex whose holders leave it consistent even when they panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A flag that is set once and can be waited for. Clones are the same flag.
///
/// `CancellationToken` takes a lock to say whether it is cancelled, and every call asks several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flag {
    is_set: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Flag {
    /// Sets the flag. Returns `true` the first time.
    pub(crate) fn set(&self) -> bool {
        let first = !self.is_set.swap(true, Ordering::SeqCst);
        self.token.cancel();
        first
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Waits until the flag is set.
    pub(crate) async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// Waits for the future, but no longer once the flag is set.
    pub(crate) async fn until_set<F: Future>(&self, future: F) -> Option<F::Output> {
        self.token.run_until_cancelled(future).await
    }

    /// Sets the flag when the returned guard is dropped, at the latest.
    pub(crate) fn set_on_drop(&self) -> SetOnDrop {
        SetOnDrop(self.clone())
    }
}

/// Sets a [`Flag`] when it is dropped.
#[derive(Debug)]
pub(crate) struct SetOnDrop(Flag);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}
