//! Faults: what the framework answers in a method's stead.

use serde::{Deserialize, Serialize};

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

/// The causes that a fault tells apart. `docs/protocol.md` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultCode {
    /// The API has no method of that name.
    UnknownMethod,
    /// The arguments could not be decoded.
    InvalidArguments,
    /// The handler panicked.
    HandlerPanicked,
    /// The server was told to stop before the handler could answer.
    ShuttingDown,
    /// Another server may have run the call already, and the method is not idempotent.
    OutcomeUnknown,
    /// The request is larger than the server's limit; the method did not run.
    RequestTooLarge,
    /// The answer is larger than the server's limit; the method ran.
    ReplyTooLarge,
    /// The answer could not be encoded.
    InvalidReply,
    /// A code that this version of Lightbus does not know.
    #[serde(other)]
    Unknown,
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
