//! Encodes and decodes bodies: MessagePack that carries the JSON data model, or JSON.
//!
//! The JSON Schema of a type describes its wire form in both encodings. A value that would not survive both is refused when it
//! is encoded, with the path of the field.
//!
//! Types are compiled for MessagePack only, in `deserialize` and `serialize`. `decoder` and `encoder` hold everything that does
//! not depend on a type. `json` converts bodies without types, and `path` finds the place of a failure.

mod buffer;
mod decoder;
mod deserialize;
mod encoder;
mod error;
mod fields;
mod json;
mod path;
mod reader;
mod secret;
mod serialize;

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::decoder::Decoder;
use self::encoder::Encoder;
use self::error::Error;
pub use self::error::{DecodeError, EncodeError};
pub(crate) use self::fields::FieldWriter;
use crate::protocol::message::{Encoding, Payload};

/// How deeply values in a body may be nested.
pub(crate) const MAX_DEPTH: usize = 128;

/// The longest error that is sent, in bytes. An error may quote the body.
const MAX_REASON: usize = 1024;

/// The longest path that is sent, in bytes. A path may hold keys of the body.
const MAX_PATH: usize = 512;

/// Encodes a value.
///
/// # Errors
///
/// Fails if the value's `Serialize` refuses, if a peer could not decode the value or would decode another one, or if the
/// encoding is not supported.
pub fn encode<T: Serialize + ?Sized>(encoding: Encoding, value: &T) -> Result<Payload, EncodeError> {
    encode_by(encoding, &mut |encoder| value.serialize(encoder), |_| true)
}

/// As [`encode`], for a type that is decoded elsewhere. If the value holds integers of 128 bits, it is decoded as a check,
/// because serde cannot read them inside of some types.
pub(crate) fn encode_checked<T: Serialize + DeserializeOwned>(
    encoding: Encoding,
    value: &T,
) -> Result<Payload, EncodeError> {
    encode_by(encoding, &mut |encoder| value.serialize(encoder), |body| {
        T::deserialize(&mut Decoder::new(body, 0, MAX_DEPTH)).is_ok()
    })
}

/// Writes a value, whatever its type.
type Write<'w> = dyn FnMut(&mut Encoder<'_>) -> Result<(), Error> + 'w;

fn encode_by(
    encoding: Encoding,
    write: &mut Write<'_>,
    is_decodable: fn(&[u8]) -> bool,
) -> Result<Payload, EncodeError> {
    if let Encoding::Unsupported(other) = encoding {
        return Err(EncodeError::UnsupportedContentType(other));
    }
    let mut buffer = buffer::take();
    let mut encoder = Encoder::new(&mut buffer, MAX_DEPTH);
    let written = write(&mut encoder);
    let wide = encoder.wide();
    written.map_err(|error| failed(error, &buffer))?;
    if let Some(wide) = wide.filter(|_| !is_decodable(&buffer)) {
        return Err(EncodeError::IntegerTooWide { path: path::place(&buffer, wide).path });
    }
    let mut bytes = buffer::finish(buffer);
    if encoding == Encoding::Json {
        let text = json::text(&bytes).map_err(|error| error.into_encode_error(String::new()))?;
        bytes = Bytes::from(text);
    }
    Ok(Payload { encoding, bytes })
}

/// The error with the path of the value that was to be written next.
#[cold]
fn failed(error: Error, written: &BytesMut) -> EncodeError {
    error.into_encode_error(path::place(written, written.len()).path)
}

/// Decodes a value. The whole body must be that value.
///
/// # Errors
///
/// Fails if the bytes are not such a value, are nested too deeply, or are in an encoding that is not supported.
pub fn decode<T: DeserializeOwned>(payload: &Payload) -> Result<T, DecodeError> {
    Body::new(payload)?.decode()
}

/// A body, in MessagePack.
#[derive(Debug)]
pub(crate) struct Body {
    msgpack: Bytes,
    /// The original body, if it is JSON.
    json: Option<Bytes>,
}

impl Body {
    pub(crate) fn new(payload: &Payload) -> Result<Self, DecodeError> {
        match &payload.encoding {
            Encoding::MessagePack => Ok(Self { msgpack: payload.bytes.clone(), json: None }),
            Encoding::Json => {
                Ok(Self { msgpack: json::to_msgpack(&payload.bytes)?, json: Some(payload.bytes.clone()) })
            }
            Encoding::Unsupported(other) => Err(DecodeError::UnsupportedContentType(other.clone())),
        }
    }

    /// Decodes a value that may borrow from the body.
    pub(crate) fn decode<'b, T: Deserialize<'b>>(&'b self) -> Result<T, DecodeError> {
        let mut decoder = Decoder::new(&self.msgpack, 0, MAX_DEPTH);
        let decoded = T::deserialize(&mut decoder);
        let error = match decoded {
            Ok(value) => match decoder.end() {
                Ok(()) => return Ok(value),
                Err(error) => error,
            },
            Err(error) => error,
        };
        Err(self.failed(error, decoder.at()))
    }

    /// The error with the path of the value at that offset.
    #[cold]
    #[inline(never)]
    fn failed(&self, error: Error, at: usize) -> DecodeError {
        if self.msgpack.is_empty() {
            return Error::value("the body is empty. It must be one value").into_decode_error(String::new());
        }
        let place = path::place(&self.msgpack, at);
        let mut failed = error.into_decode_error(place.path);
        if let DecodeError::Value { reason, .. } = &mut failed {
            let position = self.json.as_ref().and_then(|json| json::position(json, place.index));
            if let Some((line, column)) = position {
                reason.push_str(&format!(" at line {line} column {column}"));
            }
        }
        failed
    }
}
