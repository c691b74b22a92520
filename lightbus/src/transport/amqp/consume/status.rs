//! The state of the tasks that consume queues.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::transport::Consumer;
use crate::transport::amqp::connection::availability::{Availability, SessionPart};
use crate::transport::amqp::connection::lifeline::Generation;
use crate::transport::amqp::errors::OPERATION_TIMEOUT;
use crate::transport::amqp::publish::PublishSide;

/// The state of one task.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerStatus {
    /// The last session on which it has consumed, or tried to.
    pub(crate) tried: Generation,
    pub(crate) consuming: bool,
    /// Why it does not consume, if the broker has said so.
    pub(crate) problem: Option<Arc<str>>,
}

impl ConsumerStatus {
    /// The state before the first attempt.
    pub(crate) const NONE: Self = Self { tried: Generation(0), consuming: false, problem: None };

    pub(crate) fn consuming(tried: Generation) -> Self {
        Self { tried, consuming: true, problem: None }
    }

    pub(crate) fn failed(tried: Generation, problem: &str) -> Self {
        Self { tried, consuming: false, problem: Some(problem.into()) }
    }
}

/// The task that consumes a queue, as the layer above sees it.
#[derive(Debug)]
pub(crate) struct AmqpConsumer {
    /// Its sender is gone once the task has ended.
    pub(crate) status: watch::Receiver<ConsumerStatus>,
    pub(crate) ready: watch::Receiver<Availability<PublishSide>>,
    /// Ends the task.
    pub(crate) stop: CancellationToken,
}

#[async_trait]
impl Consumer for AmqpConsumer {
    fn is_consuming(&self) -> bool {
        let (tried, consuming) = {
            let status = self.status.borrow();
            (status.tried, status.consuming)
        };
        let has_ended = self.status.has_changed().is_err();
        let working = self.ready.borrow().current().map(|side| side.lifeline().generation);
        consuming && !has_ended && working == Some(tried)
    }

    fn problem(&self) -> Option<String> {
        self.status.borrow().problem.as_deref().map(str::to_owned)
    }

    async fn stop(&self) {
        self.stop.cancel();
        let mut status = self.status.clone();
        let ended = async { while status.changed().await.is_ok() {} };
        // A task that does not end in time hands nothing over either.
        let _ = timeout(OPERATION_TIMEOUT, ended).await;
    }
}
