//! Messages in the bus's own terms, which every transport carries.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use smol_str::SmolStr;
use tokio::time::Instant;

pub use crate::protocol::headers::{HeaderError, Headers};

/// The longest delay, 49 days: the largest expiry that RabbitMQ accepts.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(u32::MAX as u64);

/// The media types of MessagePack.
const MSGPACK: [&str; 3] = ["application/msgpack", "application/vnd.msgpack", "application/x-msgpack"];

const JSON: &str = "application/json";

/// How a body is encoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// MessagePack with string keys. Lightbus sends this.
    #[default]
    MessagePack,
    /// JSON, for messages that people write by hand.
    Json,
    /// A content type that Lightbus cannot read. Errors name it.
    Unsupported(Box<str>),
}

impl Encoding {
    /// Returns the encoding for a `content_type`, regardless of case. A missing `content_type` means MessagePack.
    #[must_use]
    pub fn from_content_type(content_type: Option<&str>) -> Self {
        let Some(content_type) = content_type else { return Self::MessagePack };
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is = |known: &str| media_type.eq_ignore_ascii_case(known);
        if is("") || MSGPACK.into_iter().any(is) {
            Self::MessagePack
        } else if is(JSON) {
            Self::Json
        } else {
            Self::Unsupported(media_type.into())
        }
    }

    /// Returns the `content_type` to send. MessagePack has none, which keeps messages short.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        match self {
            Self::MessagePack => None,
            Self::Json => Some(JSON),
            Self::Unsupported(other) => Some(other),
        }
    }
}

/// An encoded body.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Payload {
    /// The encoding of `bytes`.
    pub encoding: Encoding,
    /// The encoded value.
    pub bytes: Bytes,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({:?}, {} bytes)", self.encoding, self.bytes.len())
    }
}

/// The [W3C trace context](https://www.w3.org/TR/trace-context/) that a message carries, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The `traceparent` header.
    pub traceparent: String,
    /// The `tracestate` header, when there is one.
    pub tracestate: Option<String>,
}

/// A call on its way to a server.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Unique among the pending calls of the bus. The reply carries it back.
    pub(crate) id: SmolStr,
    /// The API that is called.
    pub(crate) api: SmolStr,
    /// The method that is called.
    pub(crate) method: SmolStr,
    /// The service that calls.
    pub(crate) caller: SmolStr,
    /// When the caller stops waiting. `None` only in requests of foreign peers that set no expiration.
    pub(crate) deadline: Option<Instant>,
    /// The arguments: a map of their names to their values.
    pub(crate) payload: Payload,
    /// The trace that the call belongs to.
    pub(crate) trace: Option<Box<TraceContext>>,
    pub(crate) headers: Headers,
}

/// The kind of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyKind {
    /// The method's return value.
    Ok,
    /// The method's own, typed error.
    Error,
    /// A fault: the framework replies in place of the method.
    Fault,
}

impl ReplyKind {
    /// The word for it on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Fault => "fault",
        }
    }

    /// Reads the word for it on the wire.
    pub(crate) fn from_wire(word: &str) -> Option<Self> {
        [Self::Ok, Self::Error, Self::Fault].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A server's reply to a call.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The kind of the reply. `None` when a foreign server does not say.
    pub(crate) kind: Option<ReplyKind>,
    /// The service that replied.
    pub(crate) server: SmolStr,
    /// The value, the error or the fault.
    pub(crate) payload: Payload,
}

/// An event on its way to the subscriptions.
#[derive(Debug, Clone)]
pub(crate) struct EventMessage {
    /// Stays the same on every publish and every delivery.
    pub(crate) id: SmolStr,
    /// The API that the event belongs to.
    pub(crate) api: SmolStr,
    /// The event's name within the API.
    pub(crate) event: SmolStr,
    /// The service that published it.
    pub(crate) publisher: SmolStr,
    /// The fields: a map of their names to their values.
    pub(crate) payload: Payload,
    /// The trace that the event belongs to.
    pub(crate) trace: Option<Box<TraceContext>>,
    pub(crate) headers: Headers,
}

impl EventMessage {
    /// The event's full name, `{api}.{event}`: its routing key.
    pub(crate) fn full_name(&self) -> String {
        full_name(&self.api, &self.event)
    }
}

impl Request {
    /// The method's full name, `{api}.{method}`.
    pub(crate) fn full_name(&self) -> String {
        full_name(&self.api, &self.method)
    }
}

/// The full name of a method or an event: `{api}.{member}`.
pub(crate) fn full_name(api: &str, member: &str) -> String {
    let mut name = String::with_capacity(api.len() + 1 + member.len());
    name.push_str(api);
    name.push('.');
    name.push_str(member);
    name
}

/// Splits a full name at its last dot into API and member. A name without a dot has no API.
pub(crate) fn split_full_name(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}
