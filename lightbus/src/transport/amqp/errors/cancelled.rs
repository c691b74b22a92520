//! Why the broker no longer delivers from a queue.

use super::operation::reason;

/// Why the broker no longer delivers from a queue, though the connection works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transport::amqp) struct ConsumerCancelled {
    pub(in crate::transport::amqp) reason: String,
    pub(in crate::transport::amqp) advice: &'static str,
}

impl ConsumerCancelled {
    /// `error` is what ended the deliveries. Without one, the broker has cancelled the consumer.
    pub(in crate::transport::amqp) fn new(error: Option<&lapin::Error>) -> Self {
        let Some(error) = error else {
            return Self {
                reason: "the broker cancelled the consumer".to_owned(),
                advice: "Likely its queue was deleted, or, on RabbitMQ 4.3 and later, a handler or an idempotent method takes \
                         longer than the broker's `consumer_timeout`. What was held for too long will be delivered again. \
                         Find out what the handler waits for; if it needs so long, raise `consumer_timeout`, or split the work",
            };
        };
        let reason = reason(error);
        let advice = if reason.contains("delivery acknowledgement") {
            "A handler or an idempotent method takes longer than the broker's `consumer_timeout`. What this process holds of \
             the queue will be delivered again. Find out what it waits for; if it needs so long, raise `consumer_timeout`, or \
             split the work"
        } else {
            "The broker's log may say more"
        };
        Self { reason, advice }
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPSoftError;

    use super::*;
    use crate::transport::amqp::errors::testing::soft;

    #[test]
    fn a_consumer_timeout_is_distinguished_from_a_deleted_queue() {
        let late =
            "PRECONDITION_FAILED - delivery acknowledgement on channel 7 timed out. Timeout value used: 1800000 ms.";
        let late = ConsumerCancelled::new(Some(&soft(AMQPSoftError::PRECONDITIONFAILED, late)));
        assert!(late.reason.contains("1800000") && late.advice.contains("raise `consumer_timeout`"), "{late:?}");
        let deleted = ConsumerCancelled::new(None);
        assert!(deleted.advice.contains("deleted"), "{deleted:?}");
        let other =
            ConsumerCancelled::new(Some(&soft(AMQPSoftError::PRECONDITIONFAILED, "PRECONDITION_FAILED - unknown tag")));
        assert!(other != deleted && other.advice != late.advice, "{other:?}");
    }
}
