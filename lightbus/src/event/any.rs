//! Events that a pattern subscription receives.

use serde::de::DeserializeOwned;

use crate::protocol::codec::{self, DecodeError};
use crate::protocol::message::{EventMessage, Payload};

/// An event of any type, as a pattern subscription receives it.
#[derive(Debug, Clone)]
pub struct AnyEvent {
    api: String,
    name: String,
    payload: Payload,
}

impl AnyEvent {
    pub(crate) fn new(message: EventMessage) -> Self {
        Self { api: message.api.into(), name: message.event.into(), payload: message.payload }
    }

    /// The API that the event belongs to, such as `company.sales`.
    #[must_use]
    pub fn api(&self) -> &str {
        &self.api
    }

    /// The event's name within its API, such as `product_sold`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The encoded body.
    #[must_use]
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Decodes the fields, for example into an event's struct or into a [`serde_json::Value`].
    ///
    /// ```
    /// # use lightbus::event::AnyEvent;
    /// # fn example(event: AnyEvent) -> Result<(), lightbus::codec::DecodeError> {
    /// let fields: serde_json::Value = event.decode()?;
    /// println!("{}.{} {fields}", event.api(), event.name());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the body does not decode into `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        codec::decode(&self.payload)
    }
}
