//! Messages as layers see them.

use std::any::Any;
use std::time::Duration;

use serde::de::DeserializeOwned;
use smol_str::SmolStr;
use tokio::time::Instant;

use crate::context::Extensions;
use crate::protocol::codec::{self, DecodeError};
use crate::protocol::message::{HeaderError, Headers, Payload, TraceContext, full_name};

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Occasion {
    /// This process makes a call.
    Call,
    /// This process answers a call.
    Serve,
    /// This process publishes an event.
    Publish,
    /// This process handles an event.
    Handle,
}

/// A message on its way through layers.
#[derive(Debug)]
pub struct Message {
    pub(crate) parts: Parts,
    extensions: Extensions,
}

/// What a message is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) occasion: Occasion,
    pub(crate) id: SmolStr,
    pub(crate) api: SmolStr,
    pub(crate) name: SmolStr,
    pub(crate) service: SmolStr,
    pub(crate) subscription: Option<SmolStr>,
    pub(crate) attempt: u32,
    pub(crate) deadline: Option<Instant>,
    pub(crate) idempotent: bool,
    pub(crate) headers: Headers,
    pub(crate) payload: Payload,
    pub(crate) trace: Option<Box<TraceContext>>,
}

impl Message {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, extensions: Extensions::default() }
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// What happens to the message.
    #[must_use]
    pub fn occasion(&self) -> Occasion {
        self.parts.occasion
    }

    /// The API, such as `company.warranty`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.parts.api
    }

    /// The method or the event, such as `check`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// The full name of the method or the event, such as `company.warranty.check`.
    #[must_use]
    pub fn full_name(&self) -> String {
        full_name(self.api(), self.name())
    }

    /// The id of the call or of the event. A call that a layer sends again gets another one.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.parts.id
    }

    /// The service that calls or publishes. Empty if a foreign peer did not say.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.parts.service
    }

    /// The subscription that handles the event.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.parts.subscription.as_deref()
    }

    /// The number of this attempt to handle the event, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.parts.attempt
    }

    /// How long the caller or the publisher still waits. `None` without a deadline.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.parts.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the method is `#[rpc(idempotent)]`.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.parts.idempotent
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name)
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.parts.headers
    }

    /// Sets a header, in place of the one that has this name. What is sent carries it, and a handler reads it from its
    /// [`Context`](crate::Context).
    ///
    /// # Errors
    ///
    /// Fails if no message can have such a header: [`Headers`] has the rules.
    pub fn set_header(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        self.parts.headers.insert(name, value)
    }

    /// Removes a header, and returns whether there was one.
    pub fn remove_header(&mut self, name: &str) -> bool {
        self.parts.headers.remove(name)
    }

    /// The encoded arguments of the call, or fields of the event.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.parts.payload
    }

    /// Replaces the body. An attempt to handle an event that is retried starts with the body that was published.
    pub fn set_payload(&mut self, payload: Payload) {
        self.parts.payload = payload;
    }

    /// Decodes the body, for example into a `serde_json::Value`.
    ///
    /// # Errors
    ///
    /// When the body does not decode into `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        codec::decode(&self.parts.payload)
    }

    /// Keeps a value for the layers further in and for the handler, which reads it with
    /// [`Context::extension`](crate::Context::extension). There is one for each type, and it is not sent.
    pub fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        self.extensions.insert(value);
    }

    /// The value of this type that a layer has kept.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.extensions.get()
    }
}
