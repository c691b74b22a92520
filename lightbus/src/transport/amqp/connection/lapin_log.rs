//! Keeps lapin's own lines out of the application's log.
//!
//! Lapin logs every closed channel, every lost connection and every returned message, the latter with its body. Lightbus
//! reports the same events in its own words and with the remedy, so lapin's lines would only come first and twice. They are
//! kept if the application's subscriber enables lapin's debug level, as with `RUST_LOG=lapin=debug`.
//!
//! Lapin logs from its own thread and from the tasks that it spawns. Both run without a subscriber.

use std::cell::RefCell;
use std::future::Future;

use async_rs::Tokio;
use async_rs::traits::Executor;
use async_rs::util::Task;
use tracing::Level;
use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::instrument::WithSubscriber;

/// Whether lapin's lines are kept out of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LapinLog {
    Silenced,
    Kept,
}

impl LapinLog {
    /// What the application's subscriber asks for.
    pub(crate) fn wanted() -> Self {
        // Without a subscriber there is nothing to silence, and a scoped one would cut off the `log` crate.
        if !dispatcher::has_been_set() || tracing::enabled!(target: "lapin", Level::DEBUG) {
            Self::Kept
        } else {
            Self::Silenced
        }
    }

    /// Applies to the current thread until it ends.
    pub(crate) fn apply_to_thread(self) {
        thread_local! {
            static SILENCE: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
        }
        if self == Self::Silenced {
            let guard = dispatcher::set_default(&Dispatch::none());
            // A thread that is ending logs nothing more.
            let _ = SILENCE.try_with(|silence| silence.borrow_mut().replace(guard));
        }
    }
}

/// Tokio, which spawns lapin's tasks with or without a subscriber.
#[derive(Debug, Clone)]
pub(crate) struct LapinExecutor {
    tokio: Tokio,
    log: LapinLog,
}

impl LapinExecutor {
    pub(crate) fn new(log: LapinLog) -> Self {
        Self { tokio: Tokio::current(), log }
    }
}

impl Executor for LapinExecutor {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, future: F) -> T {
        self.tokio.block_on(future)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(&self, future: F) -> Task<Self::Task<T>> {
        match self.log {
            LapinLog::Silenced => self.tokio.spawn(future.with_subscriber(Dispatch::none())),
            LapinLog::Kept => self.tokio.spawn(future),
        }
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(&self, work: F) -> Task<Self::Task<T>> {
        self.tokio.spawn_blocking(work)
    }
}
