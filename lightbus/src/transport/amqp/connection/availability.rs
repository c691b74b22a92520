//! What a session offers, for those who wait for the next one.

use std::sync::Arc;

use tokio::sync::watch;

use crate::transport::amqp::connection::lifeline::Lifeline;

/// One side of the current session.
#[derive(Debug, Default)]
pub(crate) enum Availability<T> {
    /// There is no session, or this side of it is not ready yet.
    #[default]
    Pending,
    Available(Arc<T>),
    /// The transport is closed.
    Closed,
}

/// What belongs to a session.
pub(crate) trait SessionPart {
    /// Whether the session still works.
    fn lifeline(&self) -> &Lifeline;
}

impl<T: SessionPart> Availability<T> {
    /// The side of the session that works now.
    pub(crate) fn current(&self) -> Option<&Arc<T>> {
        match self {
            Self::Available(part) if !part.lifeline().is_lost() => Some(part),
            _ => None,
        }
    }

    /// Waits for a session that works. Returns `None` once the transport is closed.
    pub(crate) async fn next(availability: &mut watch::Receiver<Self>) -> Option<Arc<T>> {
        let ready = |availability: &Self| matches!(availability, Self::Closed) || availability.current().is_some();
        availability.wait_for(ready).await.ok()?.current().cloned()
    }
}
