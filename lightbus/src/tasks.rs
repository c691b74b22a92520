//! The handlers that run, and how they are brought to an end.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::select;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::turns::Turn;

/// How long handlers that were aborted may take to say so to their callers.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// The handlers of one process that run or wait for their turn.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    /// Transports may hand over a message on any thread, so the runtime is not left to the thread's own.
    runtime: Handle,
    tracker: TaskTracker,
    draining: CancellationToken,
    aborted: CancellationToken,
}

impl Tasks {
    /// Tasks on the runtime that this is called in.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            draining: CancellationToken::new(),
            aborted: CancellationToken::new(),
        }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(task, &self.runtime);
    }

    /// Waits, but no longer once no further work is to begin.
    pub(crate) fn unless_draining<F: Future>(&self, future: F) -> impl Future<Output = Option<F::Output>> {
        self.draining.run_until_cancelled(future)
    }

    /// Waits for a turn. `None` when no further work is to begin.
    pub(crate) async fn begin(&self, turn: Turn) -> Option<OwnedSemaphorePermit> {
        match turn {
            Turn::Now(permit) => (!self.is_draining()).then_some(permit),
            later => self.unless_draining(later.begin()).await.flatten(),
        }
    }

    /// Runs a handler, but no longer once the time to finish is over.
    pub(crate) async fn unless_aborted<F: Future>(&self, handler: F) -> Option<F::Output> {
        // Nearly every handler ends at its first poll: what ends in time is not asked whether it was aborted.
        select! {
            biased;
            output = handler => Some(output),
            () = self.aborted.cancelled() => None,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Waits until no further work is to begin.
    pub(crate) async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Lets no further work begin: what waits for its turn goes back to the broker.
    pub(crate) fn start_draining(&self) {
        self.draining.cancel();
    }

    /// Waits until what runs has finished, and aborts what has not by then. `false` when something had to be aborted.
    pub(crate) async fn finish(&self, time: Duration) -> bool {
        self.tracker.close();
        if timeout(time, self.tracker.wait()).await.is_ok() {
            return true;
        }
        self.aborted.cancel();
        // A handler that never awaits cannot be aborted; the process ends over it.
        let _ = timeout(ABORT_GRACE, self.tracker.wait()).await;
        false
    }
}
