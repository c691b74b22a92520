//! What comes of a message.

use std::any::Any;
use std::fmt;

use serde::Serialize;

use crate::protocol::codec;
use crate::protocol::message::{Encoding, Payload, ReplyKind};

/// What came of a message, or what a layer decides in place of it.
#[must_use = "the outcome is what the caller, the publisher or the subscription is told"]
pub struct Outcome {
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    /// An event was published or handled.
    Done,
    /// A call was answered.
    Reply(ReplyKind, Payload),
    /// A layer does not let the message through.
    Refused(String),
    /// A layer could not do its work.
    Failed(String),
    /// It ended in another way, which the end of the layers knows.
    Other { status: &'static str, error: String, detail: Box<dyn Any + Send + Sync> },
}

impl Outcome {
    /// Refuses the message, for this reason.
    ///
    /// | occasion | who is told |
    /// |---|---|
    /// | `Call`, `Serve` | the caller gets [`CallError::Refused`](crate::CallError::Refused), and the method does not run |
    /// | `Publish` | the publisher gets [`Error::Refused`](crate::Error::Refused), and the event is not published |
    /// | `Handle` | the event becomes a dead letter at once, as after [`HandlerError::reject`](crate::HandlerError::reject) |
    pub fn refuse(reason: impl fmt::Display) -> Self {
        Self { kind: Kind::Refused(reason.to_string()) }
    }

    /// Fails for a reason that may pass: like [`refuse`](Self::refuse), but an event that is being handled is retried.
    pub fn fail(reason: impl fmt::Display) -> Self {
        Self { kind: Kind::Failed(reason.to_string()) }
    }

    /// Takes the message as done. An event is then not published, or counts as handled; a call returns `()`.
    pub fn done() -> Self {
        Self { kind: Kind::Done }
    }

    /// Answers a call with this value, in place of the method. It must be of the type that the method returns, or, of a method
    /// that returns a `Result`, of the type in its `Ok`.
    pub fn value<T: Serialize + ?Sized>(value: &T) -> Self {
        match codec::encode(Encoding::MessagePack, value) {
            Ok(payload) => Self::reply(payload),
            Err(error) => Self::fail(format_args!("the layer's value could not be encoded: {error}")),
        }
    }

    /// Answers a call with an encoded value, such as the [`payload`](Self::payload) of an earlier outcome.
    pub fn reply(payload: Payload) -> Self {
        Self { kind: Kind::Reply(ReplyKind::Ok, payload) }
    }

    pub(crate) fn other(status: &'static str, error: String, detail: impl Any + Send + Sync) -> Self {
        Self { kind: Kind::Other { status, error, detail: Box::new(detail) } }
    }

    /// Whether the method returned a value, or the event was published or handled.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self.kind, Kind::Done | Kind::Reply(ReplyKind::Ok, _))
    }

    /// What happened, in one word: `ok`, `error` (the method's own), `fault` (the server's), `refused`, `failed`, or how else
    /// the message ended, such as `no_server` or `deadline_exceeded`.
    #[must_use]
    pub fn status(&self) -> &str {
        match &self.kind {
            Kind::Done => "ok",
            Kind::Reply(kind, _) => kind.as_str(),
            Kind::Refused(_) => "refused",
            Kind::Failed(_) => "failed",
            Kind::Other { status, .. } => status,
        }
    }

    /// What went wrong, as text for a log. `None` if nothing did, and for the method's own error, which is in the
    /// [`payload`](Self::payload).
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match &self.kind {
            Kind::Done | Kind::Reply(..) => None,
            Kind::Refused(error) | Kind::Failed(error) | Kind::Other { error, .. } => Some(error),
        }
    }

    /// The encoded value, error or fault that answers a call.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        match &self.kind {
            Kind::Reply(_, payload) => Some(payload),
            _ => None,
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").field("status", &self.status()).field("error", &self.error()).finish_non_exhaustive()
    }
}
