//! Converts between JSON and MessagePack, without types.
//!
//! A JSON body becomes MessagePack before it is decoded, and a reply in JSON is converted after it is encoded. This makes JSON
//! slower, which people send by hand, and saves a second decoder and encoder for each type.

use std::fmt;

use bytes::{Bytes, BytesMut};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::encoder::Encoder;
use super::error::{Error, Problem};
use super::reader::{Head, Number, Reader};
use super::secret::NUMBER;
use super::{DecodeError, MAX_DEPTH};

/// JSON as MessagePack.
pub(super) fn to_msgpack(json: &[u8]) -> Result<Bytes, DecodeError> {
    let mut body = BytesMut::with_capacity(json.len());
    let mut encoder = Encoder::new(&mut body, MAX_DEPTH);
    let mut transcoder = Transcoder { encoder: &mut encoder, stop: None, is_too_deep: false };
    match transcoder.run(json) {
        Ok(()) => Ok(body.freeze()),
        Err(_) if transcoder.is_too_deep => Err(DecodeError::TooDeep),
        Err(error) => {
            let path = super::path::place(&body, body.len()).path;
            Err(Error::custom(error).into_decode_error(path))
        }
    }
}

/// The line and column of the value with that index, counting values and keys.
pub(super) fn position(json: &[u8], index: usize) -> Option<(usize, usize)> {
    let mut body = BytesMut::new();
    let mut encoder = Encoder::new(&mut body, MAX_DEPTH);
    let mut transcoder = Transcoder { encoder: &mut encoder, stop: Some(index), is_too_deep: false };
    let error = transcoder.run(json).err()?;
    Some((error.line(), error.column()))
}

/// Encodes JSON as a part of a value.
pub(super) fn encode(json: &[u8], encoder: &mut Encoder<'_>) -> Result<(), Error> {
    let mut transcoder = Transcoder { encoder, stop: None, is_too_deep: false };
    match transcoder.run(json) {
        Err(_) if transcoder.is_too_deep => Err(Problem::TooDeep.into()),
        result => result.map_err(Error::custom),
    }
}

/// A number as JSON writes it.
pub(super) fn number(text: &[u8]) -> Option<Number> {
    let text =
        std::str::from_utf8(text).ok().filter(|text| text.starts_with(|c: char| c == '-' || c.is_ascii_digit()))?;
    if let Ok(value) = text.parse() {
        Some(Number::Uint(value))
    } else if let Ok(value) = text.parse() {
        Some(Number::Int(value))
    } else {
        text.parse().ok().filter(|value: &f64| value.is_finite()).map(Number::F64)
    }
}

/// Writes what serde_json reads.
struct Transcoder<'a, 'b> {
    encoder: &'a mut Encoder<'b>,
    /// How many values and keys to read before it stops.
    stop: Option<usize>,
    is_too_deep: bool,
}

impl Transcoder<'_, '_> {
    fn run(&mut self, json: &[u8]) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        // The encoder counts the levels, as it does for every value.
        deserializer.disable_recursion_limit();
        self.deserialize(&mut deserializer)?;
        deserializer.end()
    }

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        match &mut self.stop {
            Some(0) => Err(E::custom("")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn check<T, E: serde::de::Error>(&mut self, result: Result<T, Error>) -> Result<T, E> {
        result.map_err(|error| {
            self.is_too_deep = error.is_too_deep();
            E::custom(error)
        })
    }
}

impl<'de> DeserializeSeed<'de> for &mut Transcoder<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Transcoder<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.count()?;
        self.encoder.nil();
        Ok(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.count()?;
        self.encoder.bool(value);
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.count()?;
        self.encoder.uint(value);
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.count()?;
        self.encoder.int(value);
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.count()?;
        let written = self.encoder.float(value);
        self.check(written)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.count()?;
        let written = self.encoder.text(value);
        self.check(written)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.count()?;
        let begun = self.encoder.begin(false, None);
        let start = self.check(begun)?;
        let mut count = 0;
        while elements.next_element_seed(&mut *self)?.is_some() {
            count += 1;
        }
        let ended = self.encoder.end(start, false, None, count);
        self.check(ended)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        let mut key = pairs.next_key::<String>()?;
        // With `arbitrary_precision`, numbers come as such a map.
        if key.as_deref() == Some(NUMBER) {
            let text: String = pairs.next_value()?;
            self.count()?;
            return match number(text.as_bytes()) {
                Some(Number::Uint(value)) => {
                    self.encoder.uint(value);
                    Ok(())
                }
                Some(Number::Int(value)) => {
                    self.encoder.int(value);
                    Ok(())
                }
                Some(Number::F64(value)) => {
                    let written = self.encoder.float(value);
                    self.check(written)
                }
                _ => Err(A::Error::custom("number out of range")),
            };
        }
        self.count()?;
        let begun = self.encoder.begin(true, None);
        let start = self.check(begun)?;
        let mut count = 0;
        while let Some(name) = key {
            self.count()?;
            let written = self.encoder.text(&name);
            self.check(written)?;
            pairs.next_value_seed(&mut *self)?;
            count += 1;
            key = pairs.next_key()?;
        }
        let ended = self.encoder.end(start, true, None, count);
        self.check(ended)
    }
}

/// MessagePack as JSON.
pub(super) fn text(body: &[u8]) -> Result<String, Error> {
    let mut json = Vec::with_capacity(body.len() * 2);
    let mut reader = Reader::new(body, 0);
    write_value(&mut reader, &mut json, MAX_DEPTH)?;
    String::from_utf8(json).map_err(Error::custom)
}

fn write_value(reader: &mut Reader<'_>, json: &mut Vec<u8>, depth: usize) -> Result<(), Error> {
    let inside = |depth: usize| depth.checked_sub(1).ok_or(Problem::TooDeep);
    match reader.head()? {
        Head::Nil => json.extend_from_slice(b"null"),
        Head::Bool(value) => write_scalar(json, &value)?,
        Head::Uint(value) => write_scalar(json, &value)?,
        Head::Int(value) => write_scalar(json, &value)?,
        Head::F32(value) => write_scalar(json, &value)?,
        Head::F64(value) => write_scalar(json, &value)?,
        Head::Text(text) => write_text(json, text)?,
        Head::Bin(bytes) => write_scalar(json, &bytes)?,
        Head::Array(length) => {
            json.push(b'[');
            for index in 0..length {
                if index > 0 {
                    json.push(b',');
                }
                write_value(reader, json, inside(depth)?)?;
            }
            json.push(b']');
        }
        Head::Map(length) => {
            json.push(b'{');
            for index in 0..length {
                if index > 0 {
                    json.push(b',');
                }
                match reader.head()? {
                    Head::Text(key) => write_text(json, key)?,
                    head => return Err(Problem::KeyNotText(head.unexpected().to_string().into()).into()),
                }
                json.push(b':');
                write_value(reader, json, inside(depth)?)?;
            }
            json.push(b'}');
        }
        head @ Head::Ext => return Err(Error::custom(format_args!("JSON has no form for {}", head.unexpected()))),
    }
    Ok(())
}

fn write_text(json: &mut Vec<u8>, text: &[u8]) -> Result<(), Error> {
    write_scalar(json, std::str::from_utf8(text).map_err(Error::custom)?)
}

fn write_scalar<T: serde::Serialize + ?Sized>(json: &mut Vec<u8>, value: &T) -> Result<(), Error> {
    serde_json::to_writer(json, value).map_err(Error::custom)
}
