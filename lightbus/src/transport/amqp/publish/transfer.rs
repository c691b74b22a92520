//! Copies events from queue to queue. The copy is persisted before the original leaves its queue.

use bytes::Bytes;
use lapin::BasicProperties;

use crate::error::Error;
use crate::transport::amqp::errors::OperationError;
use crate::transport::amqp::message::excess_headers::drop_excess_headers;
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::publish::PublishSide;
use crate::transport::amqp::publish::confirm_publisher::{Outcome, Publication, SessionEnded};
use crate::transport::amqp::topology::default_exchange;

impl PublishSide {
    /// Copies an event to a queue, and returns once the broker has persisted it there. Returns `false` if there is no such
    /// queue.
    pub(crate) async fn copy_to(
        &self,
        queue: &str,
        mut properties: BasicProperties,
        body: Bytes,
    ) -> Result<bool, Error> {
        let dropped = drop_excess_headers(&mut properties, self.connection.frame_max());
        if !dropped.is_empty() {
            tracing::warn!(
                "an event on its way to {queue} has more headers than fit into a frame; dropped: {dropped:?}"
            );
        }
        let (exchange, routing_key) = (default_exchange(), short(queue));
        let publication = Publication { exchange, routing_key, mandatory: true, body, properties };
        let reason = match self.single.publish(publication).await {
            Ok(Outcome::Confirmed) => return Ok(true),
            Ok(Outcome::Returned) => return Ok(false),
            Ok(Outcome::Refused) => "the broker does not take it, perhaps because of a length limit".to_owned(),
            Ok(Outcome::Interrupted(failure)) => failure.reason(),
            Err(SessionEnded) => "the connection was lost".to_owned(),
        };
        Err(not_moved(queue, reason))
    }
}

/// The broker did not confirm the copy in time.
pub(crate) fn not_confirmed(queue: &str) -> Error {
    not_moved(queue, OperationError::Silent.reason())
}

/// There is no such queue.
pub(crate) fn no_such_queue(queue: &str) -> Error {
    let reason =
        "that queue does not exist. Start a process of the service with that subscription: it declares the queue";
    not_moved(queue, reason.to_owned())
}

fn not_moved(queue: &str, reason: String) -> Error {
    Error::Broker { operation: format!("move an event to {queue}"), reason }
}
