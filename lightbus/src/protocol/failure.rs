//! How handling an event failed, as it travels with the event.

use std::time::Duration;

/// Why an event could not be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// The handler returned an error.
    Failed,
    /// The handler panicked.
    Panicked,
    /// The handler took longer than its timeout and was cancelled.
    TimedOut,
    /// The handler rejected the event.
    Rejected,
    /// The event could not be decoded.
    Undecodable,
    /// It was delivered many times and never settled, for example because each process crashed.
    DeliveryLimit,
    /// A reason that this version of Lightbus does not know.
    Unknown,
}

impl FailureReason {
    /// The word for it on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed_out",
            Self::Rejected => "rejected",
            Self::Undecodable => "undecodable",
            Self::DeliveryLimit => "delivery_limit",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word for it on the wire.
    pub(crate) fn from_wire(word: &str) -> Self {
        [Self::Failed, Self::Panicked, Self::TimedOut, Self::Rejected, Self::Undecodable, Self::DeliveryLimit]
            .into_iter()
            .find(|reason| reason.as_str() == word)
            .unwrap_or(Self::Unknown)
    }

    /// Whether another attempt may end differently.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Failed | Self::Panicked | Self::TimedOut)
    }
}

/// How the last attempt to handle an event failed; it travels in the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailureRecord {
    /// Why.
    pub(crate) reason: FailureReason,
    /// The error, with its causes.
    pub(crate) error: String,
    /// Which attempt to handle the event it was, from 1.
    pub(crate) attempt: u32,
    /// The process that tried, as `{service}@{host}:{pid}`.
    pub(crate) process: String,
    /// When it failed, since the Unix epoch.
    pub(crate) at: Duration,
    /// When the first attempt failed, since the Unix epoch.
    pub(crate) first_at: Duration,
}
