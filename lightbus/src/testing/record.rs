//! What the services on the bus of a test did.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::protocol::codec;
use crate::protocol::message::{EventMessage, Payload, ReplyKind, Request, full_name};
use crate::transport::CallOutcome;

/// How much of a body a message shows, in characters.
const SHOWN: usize = 300;

/// A call or an event.
#[derive(Debug, Clone)]
pub(super) enum Record {
    Call(RecordedCall),
    Event(RecordedEvent),
}

/// A call that a service made. Returned by [`TestBus::expect_call`](super::TestBus::expect_call).
#[derive(Debug, Clone)]
pub struct RecordedCall {
    caller: String,
    api: String,
    method: String,
    arguments: Value,
    /// How it ended, in words. `None` while it waits.
    ended: Option<String>,
}

/// An event that a service published.
#[derive(Debug, Clone)]
pub(super) struct RecordedEvent {
    publisher: String,
    pub(super) api: String,
    pub(super) event: String,
    pub(super) fields: Value,
    pub(super) payload: Payload,
}

impl RecordedCall {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            caller: request.caller.to_string(),
            api: request.api.to_string(),
            method: request.method.to_string(),
            arguments: value_of(&request.payload),
            ended: None,
        }
    }

    pub(super) fn end(&mut self, outcome: &CallOutcome) {
        self.ended = Some(match outcome {
            CallOutcome::Reply(reply) => {
                let shown = shown(&value_of(&reply.payload));
                match reply.kind {
                    Some(ReplyKind::Ok) => shown,
                    Some(ReplyKind::Error) => format!("the error {shown}"),
                    Some(ReplyKind::Fault) | None => format!("the fault {shown}"),
                }
            }
            CallOutcome::NoServer => "nobody serves it".to_owned(),
            CallOutcome::DeadlineExceeded { .. } => "no reply in time".to_owned(),
            CallOutcome::ConnectionLost | CallOutcome::NotConnected | CallOutcome::Closed => "a lost call".to_owned(),
        });
    }

    pub(super) fn is_unanswered(&self) -> bool {
        self.ended.is_none()
    }

    /// The service that called.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The API that it called, such as `company.warranty`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The method that it called, such as `check`.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The arguments, as an object of their names and values.
    #[must_use]
    pub fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// Returns one of the arguments: `call.argument::<String>("serial")`.
    ///
    /// # Panics
    ///
    /// If there is no such argument, or it is not a `T`.
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "a failed assertion")]
    pub fn argument<T: DeserializeOwned>(&self, name: &str) -> T {
        let Some(argument) = self.arguments.get(name) else {
            panic!("the call has no argument `{name}`: {self}");
        };
        match serde_json::from_value(argument.clone()) {
            Ok(argument) => argument,
            Err(error) => panic!("the argument `{name}` is not a {}: {error}\n  {self}", std::any::type_name::<T>()),
        }
    }
}

impl RecordedEvent {
    pub(super) fn new(event: &EventMessage) -> Self {
        Self {
            publisher: event.publisher.to_string(),
            api: event.api.to_string(),
            event: event.event.to_string(),
            fields: value_of(&event.payload),
            payload: event.payload.clone(),
        }
    }
}

/// Shows what a message says, in one line.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => call.fmt(f),
            Self::Event(RecordedEvent { publisher, api, event, fields, .. }) => {
                write!(f, "{publisher} published {} {}", full_name(api, event), shown(fields))
            }
        }
    }
}

/// Shows the call in one line, with what came of it.
impl fmt::Display for RecordedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { caller, api, method, arguments, ended } = self;
        write!(f, "{caller} called {} {} → ", full_name(api, method), shown(arguments))?;
        f.write_str(ended.as_deref().unwrap_or("not answered yet"))
    }
}

/// The body as JSON, or the reason why it is none.
pub(super) fn value_of(payload: &Payload) -> Value {
    codec::decode(payload).unwrap_or_else(|error| Value::String(format!("a body that does not decode: {error}")))
}

/// The value in one line that is not too long.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
