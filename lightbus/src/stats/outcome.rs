//! How calls and events end, as statistics count it.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::protocol::failure::FailureReason;

macro_rules! outcomes {
    ($($(#[doc = $docs:literal])+ $outcome:ident = $word:literal,)+) => {
        /// How a call or an event ended, seen from one process.
        ///
        /// It is written as a word, such as `deadline_exceeded`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(from = "Cow<'_, str>", into = "&'static str")]
        #[schemars(with = "String")]
        #[non_exhaustive]
        pub enum Outcome {
            $($(#[doc = $docs])+ $outcome,)+
        }

        impl Outcome {
            /// Every outcome, in the order of the variants.
            pub(crate) const ALL: &[Self] = &[$(Self::$outcome,)+];

            /// The word for it, such as `deadline_exceeded`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$outcome => $word,)+
                }
            }
        }
    };
}

outcomes! {
    /// The method returned a value, the event was handled, or the broker confirmed it.
    Ok = "ok",
    /// The method returned its own error.
    MethodError = "method_error",
    /// The API has no such method.
    UnknownMethod = "unknown_method",
    /// The arguments did not decode.
    InvalidArguments = "invalid_arguments",
    /// The handler panicked.
    Panicked = "panicked",
    /// The server shut down before the method had finished.
    ShuttingDown = "shutting_down",
    /// Nobody knows whether the method ran: a server or a connection was lost.
    OutcomeUnknown = "outcome_unknown",
    /// The arguments or the event are too large.
    RequestTooLarge = "request_too_large",
    /// The reply is too large.
    ReplyTooLarge = "reply_too_large",
    /// The reply could not be encoded or decoded.
    InvalidReply = "invalid_reply",
    /// No process serves the API.
    NoServer = "no_server",
    /// No reply arrived in time. At a server: the call arrived after its deadline and did not run.
    DeadlineExceeded = "deadline_exceeded",
    /// The handler that called had no time left, so the call was not sent.
    NoTimeLeft = "no_time_left",
    /// There was no connection in time, so the message was not sent.
    NotConnected = "not_connected",
    /// The bus was shut down, so the message was not sent.
    Closed = "closed",
    /// The tokio runtime of the bus had ended, so the message was not sent.
    RuntimeEnded = "runtime_ended",
    /// The message itself was not valid, so it was not sent.
    InvalidRequest = "invalid_request",
    /// The application dropped the future before it ended.
    Dropped = "dropped",
    /// The handler was cut off by a shutdown, and the message goes to another process.
    Requeued = "requeued",
    /// The broker did not confirm the event in time.
    NotConfirmed = "not_confirmed",
    /// A layer refused the message, or the broker the event.
    Refused = "refused",
    /// The event handler returned an error.
    Failed = "failed",
    /// The event handler took longer than it may.
    TimedOut = "timed_out",
    /// The event handler rejected the event.
    Rejected = "rejected",
    /// The event did not decode.
    Undecodable = "undecodable",
    /// The event had been handled before, and was dropped.
    Repeat = "repeat",
    /// An outcome that this version of Lightbus does not know.
    Unknown = "unknown",
}

impl Outcome {
    /// Whether everything went as it should: the message was handled, or it was a repeat.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Ok | Self::Repeat)
    }
}

impl From<Cow<'_, str>> for Outcome {
    fn from(word: Cow<'_, str>) -> Self {
        Self::ALL.iter().copied().find(|outcome| outcome.as_str() == word).unwrap_or(Self::Unknown)
    }
}

impl From<FailureReason> for Outcome {
    fn from(reason: FailureReason) -> Self {
        match reason {
            FailureReason::Failed => Self::Failed,
            FailureReason::Panicked => Self::Panicked,
            FailureReason::TimedOut => Self::TimedOut,
            FailureReason::Rejected => Self::Rejected,
            FailureReason::Undecodable => Self::Undecodable,
            FailureReason::DeliveryLimit | FailureReason::Unknown => Self::Unknown,
        }
    }
}

impl From<Outcome> for &'static str {
    fn from(outcome: Outcome) -> Self {
        outcome.as_str()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
