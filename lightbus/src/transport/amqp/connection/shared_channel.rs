//! A channel for operations that the broker may refuse.
//!
//! The broker closes the channel of whatever it refuses, so declarations and queries need a channel that nothing else depends
//! on. All of them on one connection share this one. A channel for each would be simpler, but the number of channels is
//! limited, and after a reconnect everything is declared at the same time.

use std::time::Duration;

use lapin::Channel;
use tokio::select;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::sleep;

use crate::transport::amqp::connection::{Connection, release};
use crate::transport::amqp::errors::OperationError;

/// How long an operation waits for its turn before it opens a channel of its own. The broker may leave an operation on a
/// quorum queue without an answer for long, and the others must not wait behind it.
const PATIENCE: Duration = Duration::from_millis(250);

/// How many operations may do so at a time.
const EXTRA_CHANNELS: usize = 3;

/// A channel for operations that the broker may refuse, opened when it is needed.
#[derive(Debug)]
pub(crate) struct SharedChannel {
    channel: Mutex<Option<Channel>>,
    extra: Semaphore,
}

impl Default for SharedChannel {
    fn default() -> Self {
        Self { channel: Mutex::default(), extra: Semaphore::new(EXTRA_CHANNELS) }
    }
}

impl SharedChannel {
    /// Performs an operation on a channel that nothing else uses meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the operation, and if no channel can be opened. On a connection that the broker has blocked, it fails at
    /// once: lapin would write nothing.
    pub(crate) async fn perform<T, F>(
        &self,
        connection: &Connection,
        operate: impl FnOnce(Channel) -> F,
    ) -> Result<T, OperationError>
    where
        F: Future<Output = Result<T, OperationError>>,
    {
        if connection.is_blocked() {
            return Err(OperationError::Blocked);
        }
        let mut shared = select! {
            biased;
            shared = self.channel.lock() => shared,
            extra = self.extra_channel(connection) => {
                let (channel, _permit) = extra;
                let result = operate(channel.clone()).await;
                release(channel).await;
                return result;
            }
        };
        // The channel is taken out, so that an operation that is cancelled halfway leaves nothing to the next one.
        let channel = match shared.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => connection.channel().await?,
        };
        let result = operate(channel.clone()).await;
        if !matches!(result, Err(OperationError::Silent)) && channel.status().connected() {
            *shared = Some(channel);
        }
        result
    }

    /// Opens a channel for an operation that has waited for long. Never returns if there is none to be had.
    async fn extra_channel(&self, connection: &Connection) -> (Channel, SemaphorePermit<'_>) {
        sleep(PATIENCE).await;
        if let Ok(permit) = self.extra.acquire().await
            && let Ok(channel) = connection.channel().await
        {
            return (channel, permit);
        }
        std::future::pending().await
    }
}
