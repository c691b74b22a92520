//! What the rest of the transport sees of the tasks that consume queues.

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::transport::Consumer;
use crate::transport::amqp::errors::OPERATION_TIMEOUT;
use crate::transport::amqp::session::Generation;
use crate::transport::amqp::session::state::State;

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

/// The task that consumes a queue, as the layer above sees it.
#[derive(Debug)]
pub(crate) struct AmqpConsumer {
    /// Its sender is gone once the task has ended.
    pub(crate) progress: watch::Receiver<ConsumerStatus>,
    pub(crate) state: watch::Receiver<State>,
    /// Ends the task.
    pub(crate) stop: CancellationToken,
}

#[async_trait]
impl Consumer for AmqpConsumer {
    fn is_consuming(&self) -> bool {
        let ConsumerStatus { tried, consuming } = *self.progress.borrow();
        let has_ended = self.progress.has_changed().is_err();
        let working = self.state.borrow().ready().map(|session| session.generation);
        consuming && !has_ended && working == Some(tried)
    }

    async fn stop(&self) {
        self.stop.cancel();
        let mut progress = self.progress.clone();
        let ended = async { while progress.changed().await.is_ok() {} };
        // A task that has not ended by then hands over nothing any more either.
        let _ = timeout(OPERATION_TIMEOUT, ended).await;
    }
}
