//! The handlers that run, and how they are brought to an end.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::select;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::runtime::sync::{Flag, lock};

/// How long handlers that were aborted may take to say so to their callers.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// The handlers of one process that run or wait for their turn.
#[derive(Clone)]
pub(crate) struct HandlerTasks {
    /// Transports may hand over a message on any thread, so the runtime is not left to the thread's own.
    runtime: Handle,
    tracker: TaskTracker,
    waiting: Arc<Mutex<Vec<Weak<dyn Backlog>>>>,
    draining: Flag,
    aborted: Flag,
}

/// Handlers that wait for their turn.
pub(crate) trait Backlog: Send + Sync {
    /// Gives what waits back to where it came from.
    fn decline(&self);
}

impl HandlerTasks {
    /// HandlerTasks on the runtime that this is called in.
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            tracker: TaskTracker::new(),
            waiting: Arc::default(),
            draining: Flag::default(),
            aborted: Flag::default(),
        }
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Has what waits there declined when no further work is to begin.
    pub(crate) fn register(&self, waiting: &Arc<dyn Backlog>) {
        let mut all = lock(&self.waiting);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(waiting));
    }

    /// A handler that runs or waits for its turn, until that is dropped.
    pub(crate) fn track(&self) -> TaskTrackerToken {
        self.tracker.token()
    }

    /// Waits, but no longer once no further work is to begin.
    pub(crate) fn unless_draining<F: Future>(&self, future: F) -> impl Future<Output = Option<F::Output>> {
        self.draining.until_set(future)
    }

    /// Runs a handler, but no longer once the time to finish is over.
    pub(crate) async fn unless_aborted<F: Future>(&self, handler: F) -> Option<F::Output> {
        // Nearly every handler ends at its first poll: what ends in time is not asked whether it was aborted.
        select! {
            biased;
            output = handler => Some(output),
            () = self.aborted.wait() => None,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.is_set()
    }

    /// Waits until no further work is to begin.
    pub(crate) async fn draining(&self) {
        self.draining.wait().await;
    }

    /// Lets no further work begin: what waits for its turn goes back to the broker.
    pub(crate) fn start_draining(&self) {
        self.draining.set();
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for waiting in waiting.iter().filter_map(Weak::upgrade) {
            waiting.decline();
        }
    }

    /// Waits until what runs has finished, and aborts what has not by then. `false` when something had to be aborted.
    pub(crate) async fn finish(&self, time: Duration) -> bool {
        self.tracker.close();
        if timeout(time, self.tracker.wait()).await.is_ok() {
            return true;
        }
        self.aborted.set();
        // A handler that never awaits cannot be aborted; the process ends over it.
        let _ = timeout(ABORT_GRACE, self.tracker.wait()).await;
        false
    }
}

impl fmt::Debug for HandlerTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.tracker.len();
        f.debug_struct("HandlerTasks")
            .field("running", &running)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}
