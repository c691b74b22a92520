//! Events that a subscription could not handle.

use std::time::SystemTime;

use crate::protocol::failure::{FailureReason, FailureRecord};
use crate::protocol::message::{EventMessage, Headers, Payload};

/// An event that a subscription could not handle, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The event's id. Empty if its publisher gave it none, and no process held it for long enough to assign one.
    pub id: String,
    /// The subscription that could not handle it.
    pub subscription: String,
    /// The API that the event belongs to.
    pub api: String,
    /// The event's name within the API.
    pub event: String,
    /// The service that published it. Empty if its publisher did not say.
    pub publisher: String,
    /// The unchanged body, which may not decode.
    pub payload: Payload,
    /// The headers that its publisher gave it.
    pub headers: Headers,
    /// Why it is a dead letter.
    pub reason: FailureReason,
    /// The error of the last attempt, with its causes. Empty if no attempt finished.
    pub error: String,
    /// How many attempts to handle it failed. 0 if none finished.
    pub attempts: u32,
    /// The process that made the last attempt, as `{service}@{host}:{pid}`.
    pub process: String,
    /// When the first attempt failed.
    pub first_failed_at: Option<SystemTime>,
    /// When the last attempt failed.
    pub failed_at: Option<SystemTime>,
}

impl DeadLetter {
    /// The dead letter that an event of a subscription becomes, with the record of its last attempt if one was finished.
    pub(crate) fn new(
        subscription: &str,
        event: &EventMessage,
        reason: FailureReason,
        record: Option<&FailureRecord>,
    ) -> Self {
        Self {
            id: event.id.to_string(),
            subscription: subscription.to_owned(),
            api: event.api.to_string(),
            event: event.event.to_string(),
            publisher: event.publisher.to_string(),
            payload: event.payload.clone(),
            headers: event.headers.clone(),
            reason,
            error: record.map_or_else(String::new, |record| record.error.clone()),
            attempts: record.map_or(0, |record| record.attempt),
            process: record.map_or_else(String::new, |record| record.process.clone()),
            first_failed_at: record.map(|record| SystemTime::UNIX_EPOCH + record.first_at),
            failed_at: record.map(|record| SystemTime::UNIX_EPOCH + record.at),
        }
    }
}

/// Which of the dead letters of a subscription.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    /// All that exist at the moment.
    All,
    /// The oldest one with that id.
    Id(String),
}

/// What to do with a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadLetterAction {
    /// Deliver it to the subscription again.
    Replay,
    /// Delete it.
    Discard,
}

impl Selection {
    pub(crate) fn matches(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Id(wanted) => wanted == id,
        }
    }
}
