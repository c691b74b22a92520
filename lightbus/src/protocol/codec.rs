//! Encodes and decodes bodies: MessagePack with string keys in serde's human-readable form, or JSON.
//!
//! The human-readable form makes MessagePack carry the JSON data model, so that the JSON Schema of a type describes its
//! wire form in both encodings. Types with these shapes differ between the two and are better kept out of APIs: a unit
//! struct (`struct Ready;`) is an empty array in MessagePack, keys of a map that are not strings keep their type there, and
//! types that ask serde for raw bytes (`serde_bytes`) become `bin`.

use std::cell::Cell;
use std::{fmt, io};

use bytes::{Bytes, BytesMut};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::protocol::message::{Encoding, Payload};
use crate::protocol::text::truncate;

/// How deeply values in a body may be nested before it is refused.
pub(crate) const MAX_DEPTH: usize = 128;

/// How much of an error travels, in bytes: it may quote the body.
const MAX_REASON: usize = 1024;

/// How much of a path travels, in bytes: it may hold keys of the body.
const MAX_PATH: usize = 512;

/// Why a value could not be encoded.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The type's own `Serialize` refused, or the value has no form in the encoding.
    #[error(
        "the value could not be encoded: {0}. Likely a map with keys that are not strings, or a `Serialize` \
         implementation of your own that refuses this value"
    )]
    Value(String),
    /// The content type is none that Lightbus writes.
    #[error("the content type {0:?} is not supported. Use application/msgpack (or none at all) or application/json")]
    UnsupportedContentType(Box<str>),
}

/// Why a body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes are no value of the expected type.
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
    /// The content type is none that Lightbus reads.
    #[error(
        "the content type {0:?} is not supported. Send application/msgpack (or no content type) or application/json"
    )]
    UnsupportedContentType(Box<str>),
}

fn at_path(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("at `{path}`: ") }
}

/// Encodes a value.
///
/// # Errors
///
/// When the value refuses to be serialised, or the encoding is not supported.
pub fn encode<T: Serialize + ?Sized>(encoding: Encoding, value: &T) -> Result<Payload, EncodeError> {
    let bytes = match &encoding {
        Encoding::MessagePack => body(|writer| {
            let mut serializer = rmp_serde::Serializer::new(writer).with_struct_map().with_human_readable();
            value.serialize(&mut serializer).map_err(|error| EncodeError::Value(error.to_string()))
        })?,
        Encoding::Json => {
            body(|writer| serde_json::to_writer(writer, value).map_err(|error| EncodeError::Value(error.to_string())))?
        }
        Encoding::Unsupported(other) => return Err(EncodeError::UnsupportedContentType(other.clone())),
    };
    Ok(Payload { encoding, bytes })
}

thread_local! {
    /// Where bodies are written, one after the other. Short ones share an allocation, which is used again once all of
    /// them are gone.
    static BUFFER: Cell<BytesMut> = Cell::default();
}

/// How much is allocated for bodies at a time. A longer one gets an allocation of its own.
const BLOCK: usize = 8 * 1024;

/// Writes to the end of a buffer, a few bytes at a time: what `bytes` has for that asks each time how much room is left.
struct Appender<'b>(&'b mut BytesMut);

impl io::Write for Appender<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn body(write: impl FnOnce(Appender<'_>) -> Result<(), EncodeError>) -> Result<Bytes, EncodeError> {
    // A `Serialize` that encodes another value meanwhile finds none.
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    if buffer.capacity() == 0 {
        buffer.reserve(BLOCK);
    }
    write(Appender(&mut buffer))?;
    let body = buffer.split().freeze();
    if body.len() <= BLOCK {
        let _ = BUFFER.try_with(|kept| kept.set(buffer));
    }
    Ok(body)
}

/// Decodes a value. The whole body must be that value.
///
/// # Errors
///
/// When the bytes are no such value, are nested too deeply, or are in an encoding that is not supported.
pub fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, DecodeError> {
    decode_lent(payload)
}

/// As [`decode`], for a value that borrows from the body.
pub(crate) fn decode_lent<'de, T: Deserialize<'de>>(payload: &'de Payload) -> Result<T, DecodeError> {
    match &payload.encoding {
        Encoding::MessagePack => msgpack(&payload.bytes),
        Encoding::Json => json(&payload.bytes),
        Encoding::Unsupported(other) => Err(DecodeError::UnsupportedContentType(other.clone())),
    }
}

fn msgpack<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    let mut deserializer = msgpack_deserializer(bytes);
    let value = T::deserialize(&mut deserializer).map_err(|error| match error {
        rmp_serde::decode::Error::DepthLimitExceeded => DecodeError::TooDeep,
        error => locate::<T, _>(&mut msgpack_deserializer(bytes), &error),
    })?;
    if is_at_end(&mut deserializer) {
        Ok(value)
    } else {
        let reason = "more bytes follow the value. The body must be one value and nothing else".to_owned();
        Err(DecodeError::Value { path: String::new(), reason })
    }
}

type MsgpackDeserializer<'b> = rmp_serde::Deserializer<
    rmp_serde::decode::ReadRefReader<'b, [u8]>,
    rmp_serde::config::HumanReadableConfig<rmp_serde::config::DefaultConfig>,
>;

fn msgpack_deserializer(bytes: &[u8]) -> MsgpackDeserializer<'_> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
    deserializer.set_max_depth(MAX_DEPTH);
    deserializer
}

/// rmp-serde does not tell how much it has read; that there is no next value does.
fn is_at_end(deserializer: &mut MsgpackDeserializer<'_>) -> bool {
    matches!(
        IgnoredAny::deserialize(deserializer),
        Err(rmp_serde::decode::Error::InvalidMarkerRead(error)) if error.kind() == io::ErrorKind::UnexpectedEof
    )
}

fn json<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    // serde_json's own recursion limit is 128 too.
    serde_json::from_slice(bytes).map_err(|error| {
        if error.to_string().starts_with("recursion limit exceeded") {
            DecodeError::TooDeep
        } else {
            locate::<T, _>(&mut serde_json::Deserializer::from_slice(bytes), &error)
        }
    })
}

/// Decodes once more to learn where the error is: tracking the path would slow down every message that is well.
fn locate<'de, T, D>(deserializer: D, error: &dyn fmt::Display) -> DecodeError
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    match serde_path_to_error::deserialize::<_, T>(deserializer) {
        Err(located) => {
            let path = located.path().to_string();
            let path = if path == "." { "" } else { truncate(&path, MAX_PATH) };
            DecodeError::Value { path: path.to_owned(), reason: shortened(located.inner()) }
        }
        Ok(_) => DecodeError::Value { path: String::new(), reason: shortened(error) },
    }
}

/// Serde quotes what it does not like, however long it is.
fn shortened(error: &dyn fmt::Display) -> String {
    let reason = error.to_string();
    match truncate(&reason, MAX_REASON) {
        short if short.len() < reason.len() => format!("{short}…"),
        _ => reason,
    }
}
