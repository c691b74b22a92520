//! Faults: what the framework answers in a method's stead.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::stats::Outcome;

/// The framework's word that a method gave no answer, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What happened, from a closed list.
    pub code: FaultCode,
    /// What happened, in a sentence for people.
    pub message: String,
    /// What else is known, by `code`.
    #[serde(default, skip_serializing_if = "FaultDetails::is_empty")]
    pub details: FaultDetails,
}

/// Why a method gave no answer. `docs/protocol.md` lists the codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Cow<'_, str>", into = "String")]
#[non_exhaustive]
pub enum FaultCode {
    /// The API has no method of that name.
    UnknownMethod,
    /// The arguments could not be decoded.
    InvalidArguments,
    /// The handler panicked.
    HandlerPanicked,
    /// The server was stopped before the handler could answer.
    ShuttingDown,
    /// Another server may have run the call already, and the method is not idempotent.
    OutcomeUnknown,
    /// The request is larger than the server's limit; the method did not run.
    RequestTooLarge,
    /// The answer is larger than the server's limit; the method ran.
    ReplyTooLarge,
    /// The answer could not be encoded.
    InvalidReply,
    /// A layer of the server refused the call; the method did not run.
    Refused,
    /// A code that this version of Lightbus does not know.
    Unknown(String),
}

impl FaultCode {
    const KNOWN: [Self; 9] = [
        Self::UnknownMethod,
        Self::InvalidArguments,
        Self::HandlerPanicked,
        Self::ShuttingDown,
        Self::OutcomeUnknown,
        Self::RequestTooLarge,
        Self::ReplyTooLarge,
        Self::InvalidReply,
        Self::Refused,
    ];

    /// The code on the wire, such as `unknown_method`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::UnknownMethod => "unknown_method",
            Self::InvalidArguments => "invalid_arguments",
            Self::HandlerPanicked => "handler_panicked",
            Self::ShuttingDown => "shutting_down",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::RequestTooLarge => "request_too_large",
            Self::ReplyTooLarge => "reply_too_large",
            Self::InvalidReply => "invalid_reply",
            Self::Refused => "refused",
            Self::Unknown(code) => code,
        }
    }
}

impl FaultCode {
    /// What statistics count it as.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::UnknownMethod => Outcome::UnknownMethod,
            Self::InvalidArguments => Outcome::InvalidArguments,
            Self::HandlerPanicked => Outcome::Panicked,
            Self::ShuttingDown => Outcome::ShuttingDown,
            Self::OutcomeUnknown => Outcome::OutcomeUnknown,
            Self::RequestTooLarge => Outcome::RequestTooLarge,
            Self::ReplyTooLarge => Outcome::ReplyTooLarge,
            Self::InvalidReply => Outcome::InvalidReply,
            Self::Refused => Outcome::Refused,
            Self::Unknown(_) => Outcome::Unknown,
        }
    }
}

impl From<Cow<'_, str>> for FaultCode {
    fn from(code: Cow<'_, str>) -> Self {
        let known = Self::KNOWN.into_iter().find(|known| known.as_str() == code);
        known.unwrap_or_else(|| Self::Unknown(code.into_owned()))
    }
}

impl From<FaultCode> for String {
    fn from(code: FaultCode) -> Self {
        code.as_str().to_owned()
    }
}

/// What else is known of a fault. Each field is there only for the codes that it belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultDetails {
    /// Where in the arguments, for `invalid_arguments`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The methods that the API does have, for `unknown_method`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// The size in bytes, for `request_too_large` and `reply_too_large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The limit in bytes, for `request_too_large` and `reply_too_large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl FaultDetails {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Fault {
    pub(crate) fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: FaultDetails::default() }
    }

    pub(crate) fn too_large(code: FaultCode, size: usize, limit: usize) -> Self {
        let details = FaultDetails { size: Some(size as u64), limit: Some(limit as u64), ..FaultDetails::default() };
        Self { code, message: format!("it has {size} bytes and the server's limit is {limit}"), details }
    }
}
