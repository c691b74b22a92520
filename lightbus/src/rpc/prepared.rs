//! A call before it is made.

use std::sync::Arc;
use std::time::Duration;

use crate::context::Context;
use crate::meter::Meter;
use crate::protocol::codec::{DecodeError, EncodeError};
use crate::protocol::headers::ChosenHeaders;
use crate::protocol::message::{Payload, TraceContext};

/// A call without the types of its reply.
#[derive(Debug)]
pub(crate) struct PreparedCall {
    pub(crate) api: &'static str,
    pub(crate) method: &'static str,
    pub(crate) arguments: Result<Payload, EncodeError>,
    pub(crate) idempotent: bool,
    /// The method's own default.
    pub(crate) method_timeout: Option<Duration>,
    /// The options of this call.
    pub(crate) timeout: Option<Duration>,
    pub(crate) context: Option<Context>,
    pub(crate) trace: Option<Box<TraceContext>>,
    pub(crate) headers: ChosenHeaders,
    /// Counts the calls of the method.
    pub(crate) meter: Arc<Meter>,
}

/// Reads one type of body.
pub(crate) type Decoder<V> = fn(&Payload) -> Result<V, DecodeError>;

/// Reads the two bodies that an answer can have.
pub(crate) struct Decode<T, E> {
    pub(crate) value: Decoder<T>,
    /// `None` for a method that returns no `Result`.
    pub(crate) error: Option<Decoder<E>>,
}
