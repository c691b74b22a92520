//! What the rest of the transport sees of the tasks that consume queues.

use tokio::sync::watch;

use crate::health::{ConsumerHealth, ConsumerKind};
use crate::transport::Generation;

/// How far a task has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    /// With which generation it has consumed, or tried to.
    pub(super) tried: Generation,
    /// Whether it consumes.
    pub(super) consuming: bool,
}

impl Progress {
    /// Nothing was tried yet.
    pub(super) const NONE: Self = Self { tried: Generation(0), consuming: false };
}

/// A queue that is being consumed, as the rest of the transport sees it.
#[derive(Debug, Clone)]
pub(super) struct Consumed {
    pub(super) kind: ConsumerKind,
    /// The API's name, or the subscription's.
    pub(super) name: String,
    pub(super) progress: watch::Receiver<Progress>,
}

impl Consumed {
    /// How it does on the session that works, if one does.
    pub(super) fn health(&self, working: Option<Generation>) -> ConsumerHealth {
        let Progress { tried, consuming } = *self.progress.borrow();
        let goes_on = self.progress.has_changed().is_ok();
        let consuming = consuming && goes_on && working == Some(tried);
        ConsumerHealth::new(self.kind, self.name.clone(), consuming)
    }
}
