//! Locks that outlive a panic, and signals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Locks a mutex whose holders leave it consistent even when they panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that is given once. Its clones are the same signal.
///
/// A `CancellationToken` takes a lock to say whether it is cancelled, which every call asks several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flag {
    is_set: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Flag {
    pub(crate) fn set(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.token.cancel();
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Waits until it is given.
    pub(crate) async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// Waits for the future, but no longer once the signal is given.
    pub(crate) async fn until_set<F: Future>(&self, future: F) -> Option<F::Output> {
        self.token.run_until_cancelled(future).await
    }
}
