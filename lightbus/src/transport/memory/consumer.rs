//! A queue that a process consumes.

use std::sync::Arc;

use async_trait::async_trait;

use super::broker::{Broker, Source};
use super::queue::ProcessId;
use crate::transport::Consumer;

/// A queue that a process consumes.
#[derive(Debug)]
pub(super) struct MemoryConsumer {
    broker: Arc<Broker>,
    process: ProcessId,
    source: Source,
}

impl MemoryConsumer {
    pub(super) fn new(broker: Arc<Broker>, process: ProcessId, source: Source) -> Self {
        Self { broker, process, source }
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    fn is_consuming(&self) -> bool {
        self.broker.is_consumed_by(self.process, &self.source)
    }

    async fn stop(&self) {
        self.broker.stop_consumer(self.process, &self.source);
    }
}
