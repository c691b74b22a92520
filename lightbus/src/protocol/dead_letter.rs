//! Events that a subscription could not handle.

use std::time::SystemTime;

use crate::protocol::failure::{FailureReason, FailureRecord};
use crate::protocol::message::{EventMessage, Headers, Payload};

/// An event that a subscription could not handle, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The event's id. Empty when a foreign publisher gave it none and no process had it for long enough to give it one.
    pub id: String,
    /// The subscription that could not handle it.
    pub subscription: String,
    /// The API that the event belongs to.
    pub api: String,
    /// The event's name within the API.
    pub event: String,
    /// The service that published it. Empty when a foreign publisher did not say.
    pub publisher: String,
    /// The body as it came; it may be none that can be decoded.
    pub payload: Payload,
    /// The headers that its publisher gave it.
    pub headers: Headers,
    /// Why it is a dead letter.
    pub reason: FailureReason,
    /// The error of the last attempt, with its causes. Empty when no attempt was finished.
    pub error: String,
    /// How many attempts to handle it failed. 0 when none was finished.
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
    /// Those that there are at the moment.
    All,
    /// The oldest one with that id.
    Id(String),
}

/// What becomes of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeadLetterAction {
    /// The subscription gets it anew.
    Replay,
    /// It is dropped.
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
