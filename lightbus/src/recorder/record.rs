//! One message that this process sent or handled.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use tokio::time::Instant;

use crate::context::Context;
use crate::protocol::message::full_name;
use crate::stats::{Outcome, epoch};

/// What a process did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecordKind {
    /// It called a method.
    CallSent,
    /// It ran a method.
    CallServed,
    /// It published an event.
    EventPublished,
    /// It handled an event: one attempt.
    EventHandled,
    /// Something that this version of Lightbus does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// One message that a process sent or handled, once that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Record {
    /// The id of the call or the event. Both ends of a message have the same one.
    pub id: String,
    /// What the process did with it.
    pub kind: RecordKind,
    /// The full name of the method or the event.
    pub name: String,
    /// The subscription that handled the event. Empty for everything else.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subscription: String,
    /// The service that sent what was handled. Empty for what the process sent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sender: String,
    /// What the process was handling when it sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// When it was sent, or when its handler started.
    #[serde(rename = "started_ms", with = "epoch")]
    #[schemars(with = "u64")]
    pub started: SystemTime,
    /// How long it waited in the process for a handler that was free.
    #[serde(rename = "waited_us", with = "microseconds")]
    #[schemars(with = "u64")]
    pub waited: Duration,
    /// How long the handler took, or how long the reply or the confirm took to arrive.
    #[serde(rename = "lasted_us", with = "microseconds")]
    #[schemars(with = "u64")]
    pub lasted: Duration,
    /// Which attempt to handle the event it was, from 1.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The beginning of the error. Empty if there is no text for it; a method's own error has none here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Where an event went whose handler failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
}

/// What a process was handling when it sent a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Cause {
    /// The id of the call or the event that was being handled.
    pub id: String,
    /// The subscription that was handling it. Empty for a call.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subscription: String,
    /// Which attempt it was.
    pub attempt: u32,
}

/// Where an event goes whose handler failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Next {
    /// It is handled again.
    Retry {
        /// After so many milliseconds.
        after_ms: u64,
    },
    /// It became a dead letter.
    DeadLetter,
}

impl Next {
    /// Where an event goes that is to be handled again after `delay`, if at all.
    pub(crate) fn new(delay: Option<Duration>) -> Self {
        let milliseconds = |delay: Duration| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        delay.map_or(Self::DeadLetter, |delay| Self::Retry { after_ms: milliseconds(delay) })
    }
}

impl Default for Record {
    fn default() -> Self {
        Self {
            id: String::new(),
            kind: RecordKind::Unknown,
            name: String::new(),
            subscription: String::new(),
            sender: String::new(),
            cause: None,
            started: UNIX_EPOCH,
            waited: Duration::ZERO,
            lasted: Duration::ZERO,
            attempt: 1,
            outcome: Outcome::Unknown,
            error: String::new(),
            next: None,
        }
    }
}

/// A record as the ring holds it: what is made for each message, so it copies no text.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) kind: RecordKind,
    pub(crate) id: SmolStr,
    pub(crate) api: SmolStr,
    pub(crate) member: SmolStr,
    pub(crate) subscription: SmolStr,
    pub(crate) sender: SmolStr,
    pub(crate) cause: Option<EntryCause>,
    pub(crate) started: Instant,
    pub(crate) waited: Duration,
    pub(crate) lasted: Duration,
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<Box<str>>,
    pub(crate) next: Option<Next>,
}

/// A [`Cause`] as the ring holds it. It does not hold the context of the handler, which would keep its headers and the values of
/// layers.
#[derive(Debug, Clone)]
pub(crate) struct EntryCause {
    pub(super) id: SmolStr,
    subscription: SmolStr,
    attempt: u32,
}

impl From<&Context> for EntryCause {
    fn from(context: &Context) -> Self {
        Self { id: context.id().clone(), subscription: context.subscription().clone(), attempt: context.attempt() }
    }
}

impl Entry {
    pub(crate) fn to_record(&self) -> Record {
        Record {
            id: self.id.to_string(),
            kind: self.kind,
            name: full_name(&self.api, &self.member),
            subscription: self.subscription.to_string(),
            sender: self.sender.to_string(),
            cause: self.cause.as_ref().map(|cause| Cause {
                id: cause.id.to_string(),
                subscription: cause.subscription.to_string(),
                attempt: cause.attempt,
            }),
            started: epoch::wall_clock(self.started),
            waited: self.waited,
            lasted: self.lasted,
            attempt: self.attempt,
            outcome: self.outcome,
            error: self.error.as_deref().unwrap_or_default().to_owned(),
            next: self.next,
        }
    }
}

mod microseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_micros(u64::deserialize(deserializer)?))
    }
}
