//! The handlers of one consumer, and how they are brought to an end.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::select;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::runtime::bus_runtime::BusRuntime;
#[cfg(feature = "testing")]
use crate::runtime::causes::{Cause, Causes};
use crate::runtime::sync::{Flag, lock};

/// How long aborted handlers may take to tell their callers.
const ABORT_GRACE: Duration = Duration::from_secs(1);

tokio::task_local! {
    static CURRENT: HandlerTasks;
}

/// The handlers of one API or subscription in this process that run or wait for their turn. Clones share them.
#[derive(Clone)]
pub(crate) struct HandlerTasks {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Arc<BusRuntime>,
    /// Counts them for a test.
    #[cfg(feature = "testing")]
    causes: Option<Causes>,
    tracker: TaskTracker,
    waiting: Mutex<Vec<Weak<dyn Backlog>>>,
    draining: Flag,
    aborted: Flag,
}

/// Counts a handler until it is dropped: a shutdown waits for it, and so does a test.
#[derive(Debug)]
pub(crate) struct Tracked {
    _token: TaskTrackerToken,
    #[cfg(feature = "testing")]
    _cause: Option<Cause>,
}

/// Handlers that wait for their turn.
pub(crate) trait Backlog: Send + Sync {
    /// Returns what waits to its source.
    fn decline(&self);
}

impl Shared {
    fn new(runtime: Arc<BusRuntime>) -> Self {
        Self {
            runtime,
            #[cfg(feature = "testing")]
            causes: None,
            tracker: TaskTracker::new(),
            waiting: Mutex::default(),
            draining: Flag::default(),
            aborted: Flag::default(),
        }
    }
}

impl HandlerTasks {
    pub(crate) fn new(runtime: Arc<BusRuntime>) -> Self {
        #[cfg(feature = "testing")]
        let causes = runtime.causes.clone();
        let shared = Shared::new(runtime);
        #[cfg(feature = "testing")]
        let shared = Shared { causes, ..shared };
        Self { shared: Arc::new(shared) }
    }

    /// Handlers of the bus itself, which a test does not wait for.
    pub(crate) fn of_the_bus(runtime: Arc<BusRuntime>) -> Self {
        Self { shared: Arc::new(Shared::new(runtime)) }
    }

    /// The handlers that the current task is one of. `None` outside a handler, and in the tasks that a handler spawns.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Whether both are the handlers of the same consumer.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether these are handlers of the bus that has this runtime.
    pub(crate) fn run_on(&self, runtime: &Arc<BusRuntime>) -> bool {
        Arc::ptr_eq(&self.shared.runtime, runtime)
    }

    /// Spawns a handler on the bus's runtime; transports may deliver on any thread.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.shared.runtime.spawn(CURRENT.scope(self.clone(), task));
    }

    /// Has what waits there declined once no further work may begin.
    pub(crate) fn register(&self, waiting: &Arc<dyn Backlog>) {
        let mut all = lock(&self.shared.waiting);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(waiting));
    }

    /// Counts a handler that runs or waits for its turn, until this is dropped.
    pub(crate) fn track(&self) -> Tracked {
        Tracked {
            _token: self.shared.tracker.token(),
            #[cfg(feature = "testing")]
            _cause: self.shared.causes.as_ref().map(Causes::begin),
        }
    }

    /// Waits for the future, but no longer once no further work may begin.
    pub(crate) fn unless_draining<F: Future>(&self, future: F) -> impl Future<Output = Option<F::Output>> {
        self.shared.draining.until_set(future)
    }

    /// Runs a handler, but no longer once the time to finish is over.
    pub(crate) async fn unless_aborted<F: Future>(&self, handler: F) -> Option<F::Output> {
        // Nearly every handler ends at its first poll, so that is tried before asking whether it was aborted.
        select! {
            biased;
            output = handler => Some(output),
            () = self.shared.aborted.wait() => None,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.shared.draining.is_set()
    }

    /// Starts no further work. Waiting messages are requeued.
    pub(crate) fn start_draining(&self) {
        self.shared.draining.set();
        let waiting = std::mem::take(&mut *lock(&self.shared.waiting));
        for waiting in waiting.iter().filter_map(Weak::upgrade) {
            waiting.decline();
        }
    }

    /// Waits until the running handlers have finished, and aborts those that have not by `deadline`. Returns `false` if some
    /// had to be aborted.
    pub(crate) async fn finish(&self, deadline: Instant) -> bool {
        let Shared { tracker, aborted, .. } = &*self.shared;
        tracker.close();
        if timeout_at(deadline, tracker.wait()).await.is_ok() {
            return true;
        }
        aborted.set();
        // A handler that never awaits cannot be aborted; the process ends over it.
        let _ = timeout(ABORT_GRACE, tracker.wait()).await;
        false
    }
}

impl fmt::Debug for HandlerTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerTasks")
            .field("running", &self.shared.tracker.len())
            .field("draining", &self.shared.draining)
            .finish_non_exhaustive()
    }
}
