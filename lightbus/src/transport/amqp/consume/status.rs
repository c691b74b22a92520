//! What the rest of the transport sees of the tasks that consume queues.

use tokio::sync::watch;

use crate::health::{ConsumerHealth, ConsumerKind};
use crate::transport::amqp::session::Generation;

/// How far a task has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConsumerStatus {
    /// With which generation it has consumed, or tried to.
    pub(crate) tried: Generation,
    /// Whether it consumes.
    pub(crate) consuming: bool,
}

impl ConsumerStatus {
    /// Nothing was tried yet.
    pub(crate) const NONE: Self = Self { tried: Generation(0), consuming: false };
}

/// A queue that is being consumed, as the rest of the transport sees it.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredConsumer {
    pub(crate) kind: ConsumerKind,
    /// The API's name, or the subscription's.
    pub(crate) name: String,
    pub(crate) progress: watch::Receiver<ConsumerStatus>,
}

impl RegisteredConsumer {
    /// How it does on the session that works, if one does.
    pub(crate) fn health(&self, working: Option<Generation>) -> ConsumerHealth {
        let ConsumerStatus { tried, consuming } = *self.progress.borrow();
        let goes_on = self.progress.has_changed().is_ok();
        let consuming = consuming && goes_on && working == Some(tried);
        ConsumerHealth::new(self.kind, self.name.clone(), consuming)
    }
}
