//! Copies events from queue to queue, so that they are safe in the one before they leave the other.

use bytes::Bytes;
use lapin::BasicProperties;

use crate::error::Error;
use crate::transport::amqp::errors::OperationError;
use crate::transport::amqp::message::excess_headers::drop_excess_headers;
use crate::transport::amqp::message::properties::short;
use crate::transport::amqp::publish::confirm_publisher::{Gone, Outcome, Publication};
use crate::transport::amqp::session::Session;
use crate::transport::amqp::topology::default_exchange;

/// Copies an event to a queue, and returns when it is safe there. `false` when there is no such queue.
pub(crate) async fn copy(
    session: &Session,
    queue: &str,
    mut properties: BasicProperties,
    body: Bytes,
) -> Result<bool, Error> {
    let left_out = drop_excess_headers(&mut properties, session.publishing.frame_max());
    if !left_out.is_empty() {
        tracing::warn!("an event on its way to {queue} has more headers than a frame can hold; left out: {left_out:?}");
    }
    let (exchange, routing_key) = (default_exchange(), short(queue));
    let publication = Publication { exchange, routing_key, mandatory: true, body, properties };
    let why = match session.singly.publish(publication).await {
        Ok(Outcome::Confirmed) => return Ok(true),
        Ok(Outcome::Returned) => return Ok(false),
        Ok(Outcome::Refused) => "the broker does not take it, perhaps for a length limit of that queue".to_owned(),
        Ok(Outcome::Interrupted(failure)) => failure.reason(),
        Err(Gone) => "the connection was lost".to_owned(),
    };
    Err(not_moved(queue, why))
}

/// The broker did not say in time whether it has the event.
pub(crate) fn silent(queue: &str) -> Error {
    not_moved(queue, OperationError::Silent.reason())
}

/// There is no such queue.
pub(crate) fn missing(queue: &str) -> Error {
    not_moved(
        queue,
        "that queue does not exist. Start a process of the service that subscribes by that name: it declares the queue"
            .to_owned(),
    )
}

fn not_moved(queue: &str, reason: String) -> Error {
    Error::Broker { operation: format!("move an event to {queue}"), reason }
}
