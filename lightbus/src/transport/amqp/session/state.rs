//! What the rest of the transport sees of its connection.

use std::sync::Arc;

use tokio::sync::watch;

use crate::transport::amqp::session::Session;

/// The session that stands, if one does, and how far it has come.
#[derive(Debug, Clone, Default)]
pub(crate) enum State {
    /// There is none.
    #[default]
    Disconnected,
    /// The connections stand, and the queues are being consumed again.
    Rebuilding(Arc<Session>),
    /// Everything works.
    Ready(Arc<Session>),
    /// There will be none any more.
    Closed,
}

impl State {
    /// The session that works.
    pub(crate) fn ready(&self) -> Option<&Arc<Session>> {
        match self {
            Self::Ready(session) if !session.is_lost() => Some(session),
            _ => None,
        }
    }

    fn standing(&self) -> Option<&Arc<Session>> {
        match self {
            Self::Rebuilding(session) | Self::Ready(session) if !session.is_lost() => Some(session),
            _ => None,
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Waits for a session to consume on. `None` when there will be none any more.
    pub(crate) async fn session(state: &mut watch::Receiver<Self>) -> Option<Arc<Session>> {
        let state = state.wait_for(|state| state.is_closed() || state.standing().is_some()).await.ok()?;
        state.standing().cloned()
    }

    /// Waits until everything works. `None` when it will not any more.
    pub(crate) async fn working(state: &mut watch::Receiver<Self>) -> Option<Arc<Session>> {
        let state = state.wait_for(|state| state.is_closed() || state.ready().is_some()).await.ok()?;
        state.ready().cloned()
    }
}
