//! Why a value could not be encoded or decoded.

use std::fmt::{self, Write};

use serde::de::{Expected, Unexpected};
use thiserror::Error;

use super::{MAX_DEPTH, MAX_REASON};
use crate::protocol::text::truncate;

/// Why a value could not be encoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The type's own `Serialize` refused the value.
    #[error("{}the value could not be encoded: {reason}", at_path(.path))]
    Value {
        /// Where in the value, such as `parts[3].serial`. Empty when the value as a whole is at fault.
        path: String,
        /// What `Serialize` says.
        reason: String,
    },
    /// A float is NaN or infinite.
    #[error("{}NaN and infinite numbers have no form in JSON. Use an `Option` for a number that may not be there", at_path(.path))]
    NotFinite {
        /// Where in the value.
        path: String,
    },
    /// An integer does not fit into 64 bits.
    #[error("{}integers reach from -2⁶³ to 2⁶⁴-1, and {number} does not fit. Use a `String`", at_path(.path))]
    IntegerTooLarge {
        /// Where in the value.
        path: String,
        /// The integer.
        number: String,
    },
    /// An integer of 128 bits is in a place where serde cannot decode one.
    #[error(
        "{}serde cannot decode integers of 128 bits inside of a tagged, untagged or flattened type. Use an integer of 64 bits or \
         a `String`",
        at_path(.path)
    )]
    IntegerTooWide {
        /// Where in the value.
        path: String,
    },
    /// A key of a map is not a string.
    #[error(
        "{}the key {key} is not a string. The keys of a map are strings in JSON: use a map with `String` keys or a list of pairs",
        at_path(.path)
    )]
    KeyNotText {
        /// Where the map is in the value.
        path: String,
        /// The key.
        key: String,
    },
    /// A `Some` holds null, and would arrive as `None`.
    #[error("{}`Some` of null would arrive as `None`. Use an enum that names the two cases", at_path(.path))]
    SomeNull {
        /// Where in the value.
        path: String,
    },
    /// Values are nested too deeply.
    #[error("{}values are nested more than {MAX_DEPTH} deep, which no process decodes. Flatten the type", at_path(.path))]
    TooDeep {
        /// Where in the value.
        path: String,
    },
    /// Lightbus does not write this content type.
    #[error("the content type {0:?} is not supported. Use application/msgpack (or none at all) or application/json")]
    UnsupportedContentType(Box<str>),
}

/// Why a body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not a value of the expected type.
    #[error("{}{reason}", at_path(.path))]
    Value {
        /// Where in the body, such as `parts[3].serial`. Empty when the body as a whole is at fault.
        path: String,
        /// What is wrong there.
        reason: String,
    },
    /// Values are nested too deeply.
    #[error(
        "values are nested more than {MAX_DEPTH} deep. Flatten the type; the limit protects every process from crashing"
    )]
    TooDeep,
    /// Lightbus does not read this content type.
    #[error(
        "the content type {0:?} is not supported. Send application/msgpack (or no content type) or application/json"
    )]
    UnsupportedContentType(Box<str>),
}

fn at_path(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("at `{path}`: ") }
}

/// Why encoding or decoding stopped, before the path is known. It is a pointer, because every value returns a `Result` of it.
#[derive(Debug)]
pub(super) struct Error(Box<Problem>);

#[derive(Debug)]
pub(super) enum Problem {
    /// The body ends within a value.
    Ends,
    TooDeep,
    NotFinite,
    IntegerTooLarge(Box<str>),
    KeyNotText(Box<str>),
    SomeNull,
    /// Anything else, in a sentence.
    Value(Box<str>),
}

impl From<Problem> for Error {
    #[cold]
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl Error {
    pub(super) fn value(reason: impl Into<Box<str>>) -> Self {
        Problem::Value(reason.into()).into()
    }

    #[cold]
    pub(super) fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        serde::de::Error::invalid_type(unexpected, expected)
    }

    pub(super) fn is_too_deep(&self) -> bool {
        matches!(*self.0, Problem::TooDeep)
    }

    pub(super) fn into_encode_error(self, path: String) -> EncodeError {
        match *self.0 {
            Problem::TooDeep => EncodeError::TooDeep { path },
            Problem::NotFinite => EncodeError::NotFinite { path },
            Problem::IntegerTooLarge(number) => EncodeError::IntegerTooLarge { path, number: number.into() },
            Problem::KeyNotText(key) => EncodeError::KeyNotText { path, key: key.into() },
            Problem::SomeNull => EncodeError::SomeNull { path },
            Problem::Value(reason) => EncodeError::Value { path, reason: reason.into() },
            problem @ Problem::Ends => EncodeError::Value { path, reason: problem.to_string() },
        }
    }

    pub(super) fn into_decode_error(self, path: String) -> DecodeError {
        match *self.0 {
            Problem::TooDeep => DecodeError::TooDeep,
            problem => DecodeError::Value { path, reason: problem.to_string() },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ends => f.write_str("the body ends within a value"),
            Self::TooDeep => write!(f, "values are nested more than {MAX_DEPTH} deep"),
            Self::NotFinite => f.write_str("NaN and infinite numbers have no form in JSON"),
            Self::IntegerTooLarge(number) => write!(f, "the integer {number} does not fit into 64 bits"),
            Self::KeyNotText(key) => write!(f, "the key {key} is not a string"),
            Self::SomeNull => f.write_str("`Some` of null would arrive as `None`"),
            Self::Value(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        shortened(&message)
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        shortened(&message)
    }
}

/// Serde quotes refused values in full, however long they are.
#[cold]
fn shortened(message: &dyn fmt::Display) -> Error {
    let mut text = Shortened::default();
    // It fails once the limit is reached.
    let _ = write!(text, "{message}");
    Error::value(text.0)
}

#[derive(Default)]
struct Shortened(String);

impl Write for Shortened {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_REASON.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(truncate(text, room));
        self.0.push('…');
        Err(fmt::Error)
    }
}
