//! The end of a call, and the result for its caller.

use std::time::Duration;

use super::error::{CallError, MessageKind};
use super::fault::{Fault, FaultCode};
use super::prepared::Decode;
use crate::meter::Sending;
use crate::protocol::codec::{self, EncodeError};
use crate::protocol::message::{HeaderError, Payload, Reply, ReplyKind, full_name};
use crate::runtime::guard::catch;
use crate::stats::Outcome;
use crate::transport::CallOutcome;

/// How a call ended. It does not depend on the types of the method.
#[derive(Debug)]
pub(crate) enum Completion {
    /// The transport took the request.
    Outcome(CallOutcome),
    /// The arguments could not be encoded.
    Unencodable(EncodeError),
    /// A header cannot be sent.
    InvalidHeader(HeaderError),
    /// A layer of this process refused the call.
    Refused(String),
    /// The request or the reply is larger than the limit.
    TooLarge { what: MessageKind, size: usize, limit: usize },
    /// The bus was shut down before the call.
    Closed,
    /// The runtime of the bus has ended, before the call or during it.
    RuntimeEnded { sent: bool },
    /// The call was given no time at all.
    ZeroTimeout,
    /// The handler that makes the call has no time left.
    NoTimeLeft,
}

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct CompletedCall {
    pub(crate) api: &'static str,
    pub(crate) method: &'static str,
    /// How long the call was to wait.
    pub(crate) timeout: Duration,
    pub(crate) completion: Completion,
    pub(crate) sending: Sending,
}

impl Completion {
    /// How it ended, unless its reply has to be read first.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        Some(match self {
            Self::Outcome(CallOutcome::Reply(_)) => return None,
            Self::Outcome(CallOutcome::NoServer) => Outcome::NoServer,
            Self::Outcome(CallOutcome::ConnectionLost) | Self::RuntimeEnded { sent: true } => Outcome::OutcomeUnknown,
            Self::Outcome(CallOutcome::DeadlineExceeded { .. }) => Outcome::DeadlineExceeded,
            Self::Outcome(CallOutcome::NotConnected) => Outcome::NotConnected,
            Self::Outcome(CallOutcome::Closed) | Self::Closed => Outcome::Closed,
            Self::NoTimeLeft => Outcome::NoTimeLeft,
            Self::RuntimeEnded { sent: false } => Outcome::RuntimeEnded,
            Self::Unencodable(_) | Self::ZeroTimeout | Self::InvalidHeader(_) => Outcome::InvalidRequest,
            Self::Refused(_) => Outcome::Refused,
            Self::TooLarge { what: MessageKind::Request, .. } => Outcome::RequestTooLarge,
            Self::TooLarge { what: MessageKind::Reply, .. } => Outcome::ReplyTooLarge,
        })
    }

    /// Ends the call for statistics, unless its reply has to be read first.
    fn end(&self, sending: &mut Sending) {
        let Some(outcome) = self.outcome() else { return };
        match self {
            Self::Unencodable(error) => sending.end(outcome, Some(&error.to_string())),
            Self::Refused(reason) => sending.end(outcome, Some(reason)),
            _ => sending.end(outcome, None),
        }
    }
}

/// Ends a call for statistics by its reply, which may have been `unreadable`.
fn end_replied(sending: &mut Sending, reply: &Reply, unreadable: Option<&str>) {
    match (unreadable, reply.kind) {
        (Some(reason), _) => sending.end(Outcome::InvalidReply, Some(reason)),
        (None, Some(ReplyKind::Ok)) => sending.end(Outcome::Ok, None),
        (None, Some(ReplyKind::Error)) => sending.end(Outcome::MethodError, None),
        (None, Some(ReplyKind::Fault) | None) => match codec::decode::<Fault>(&reply.payload) {
            Ok(fault) => sending.end(fault.code.outcome(), Some(&fault.message)),
            Err(_) => sending.end(Outcome::InvalidReply, None),
        },
    }
}

impl CompletedCall {
    /// The result for the caller.
    pub(crate) fn into_result<T, E>(self, decode: &Decode<T, E>) -> Result<T, CallError<E>> {
        let Self { api, method, timeout, completion, mut sending } = self;
        let method = || full_name(api, method);
        completion.end(&mut sending);
        Err(match completion {
            Completion::Outcome(CallOutcome::Reply(reply)) => {
                let result = read_reply(api, method, &reply, decode);
                let unreadable = match &result {
                    Err(CallError::InvalidReply { reason, .. }) => Some(&**reason),
                    _ => None,
                };
                end_replied(&mut sending, &reply, unreadable);
                return result;
            }
            Completion::Outcome(CallOutcome::NoServer) => CallError::NoServer { api: api.to_owned(), method: method() },
            Completion::Outcome(CallOutcome::ConnectionLost) => {
                let reason = "the connection to the broker was lost while it was under way".to_owned();
                CallError::OutcomeUnknown { method: method(), reason }
            }
            Completion::Outcome(CallOutcome::DeadlineExceeded { servers }) => {
                CallError::DeadlineExceeded { method: method(), timeout, servers: servers.into() }
            }
            Completion::Outcome(CallOutcome::NotConnected) => CallError::NotConnected { method: method(), timeout },
            Completion::Closed | Completion::Outcome(CallOutcome::Closed) => CallError::Closed { method: method() },
            Completion::NoTimeLeft => CallError::NoTimeLeft { method: method() },
            Completion::RuntimeEnded { sent: false } => CallError::RuntimeEnded { method: method() },
            Completion::RuntimeEnded { sent: true } => {
                let reason = "the tokio runtime of this bus ended during the call".to_owned();
                CallError::OutcomeUnknown { method: method(), reason }
            }
            Completion::ZeroTimeout => {
                let reason = "its timeout is zero, so no reply could arrive in time".to_owned();
                CallError::InvalidRequest { method: method(), reason }
            }
            Completion::Unencodable(error) => CallError::InvalidRequest {
                method: method(),
                reason: format!("its arguments could not be encoded: {error}"),
            },
            Completion::Refused(reason) => CallError::Refused { method: method(), reason },
            Completion::InvalidHeader(error) => CallError::InvalidHeader { method: method(), error },
            Completion::TooLarge { what, size, limit } => {
                CallError::TooLarge { method: method(), what, size: size as u64, limit: limit as u64 }
            }
        })
    }
}

fn read_reply<T, E>(
    api: &str,
    method: impl Fn() -> String,
    reply: &Reply,
    decode: &Decode<T, E>,
) -> Result<T, CallError<E>> {
    let invalid = |reason| CallError::InvalidReply { method: method(), reason };
    match reply.kind {
        Some(ReplyKind::Ok) => match catch(|| (decode.value)(&reply.payload)) {
            Ok(value) => value.map_err(|error| invalid(format!("its value does not decode: {error}"))),
            Err(message) => Err(invalid(format!("decoding its value panicked: {message}"))),
        },
        Some(ReplyKind::Error) => Err(match decode.error.map(|decode| catch(|| decode(&reply.payload))) {
            Some(Ok(Ok(error))) => CallError::Method { method: method(), error },
            Some(Ok(Err(error))) => invalid(format!("its error does not decode: {error}")),
            Some(Err(message)) => invalid(format!("decoding its error panicked: {message}")),
            None => invalid("it is an error, and the method returns no Result".to_owned()),
        }),
        Some(ReplyKind::Fault) => Err(read_fault(api, method(), &reply.payload)),
        None => Err(invalid("its `type` is none of ok, error and fault".to_owned())),
    }
}

fn read_fault<E>(api: &str, method: String, payload: &Payload) -> CallError<E> {
    let fault: Fault = match codec::decode(payload) {
        Ok(fault) => fault,
        Err(error) => {
            return CallError::InvalidReply { method, reason: format!("its fault does not decode: {error}") };
        }
    };
    match fault.code {
        FaultCode::UnknownMethod => {
            CallError::UnknownMethod { api: api.to_owned(), method, known: fault.details.methods }
        }
        FaultCode::InvalidArguments => {
            CallError::InvalidArguments { method, path: fault.details.path, reason: fault.message }
        }
        FaultCode::Refused => CallError::Refused { method, reason: fault.message },
        FaultCode::HandlerPanicked => CallError::HandlerPanicked { method, message: fault.message },
        FaultCode::ShuttingDown => CallError::ShuttingDown { method },
        FaultCode::OutcomeUnknown => CallError::OutcomeUnknown { method, reason: fault.message },
        FaultCode::InvalidReply => CallError::InvalidReply { method, reason: fault.message },
        FaultCode::RequestTooLarge | FaultCode::ReplyTooLarge => CallError::TooLarge {
            method,
            what: if fault.code == FaultCode::ReplyTooLarge { MessageKind::Reply } else { MessageKind::Request },
            size: fault.details.size.unwrap_or_default(),
            limit: fault.details.limit.unwrap_or_default(),
        },
        FaultCode::Unknown(_) => CallError::Fault { method, fault: Box::new(fault) },
    }
}
