//! Counts what is under way on the bus of a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts what is under way on the bus of a test: calls, messages that are being delivered, and handlers. What one of them
/// causes begins before it ends, so the count is zero only once everything has settled. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Causes {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    under_way: AtomicUsize,
    settled: Notify,
}

/// One thing that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct Cause(Causes);

impl Causes {
    pub(crate) fn begin(&self) -> Cause {
        self.shared.under_way.fetch_add(1, Ordering::SeqCst);
        Cause(self.clone())
    }

    pub(crate) fn are_settled(&self) -> bool {
        self.shared.under_way.load(Ordering::SeqCst) == 0
    }

    /// Waits until nothing is under way.
    pub(crate) async fn settled(&self) {
        loop {
            let settled = self.shared.settled.notified();
            if self.are_settled() {
                return;
            }
            settled.await;
        }
    }
}

impl Drop for Cause {
    fn drop(&mut self) {
        let Shared { under_way, settled } = &*self.0.shared;
        if under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            settled.notify_waiters();
        }
    }
}
