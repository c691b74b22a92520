//! Maps of names to values, written and read a field at a time.
//!
//! The arguments of a method are such a map. A struct for them would be compiled for each method, but their types are compiled
//! once.

use bytes::BytesMut;
use serde::de::Expected;
use serde::{Deserialize, Serialize};

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::error::{DecodeError, EncodeError, Error};
use super::reader::{Head, Reader};
use super::{Body, MAX_DEPTH, Write, buffer, failed};
use crate::protocol::message::{Encoding, Payload};

/// Writes a body in MessagePack.
#[derive(Debug)]
pub(crate) struct FieldWriter {
    buffer: BytesMut,
    error: Option<EncodeError>,
}

impl FieldWriter {
    /// Begins a map of so many fields.
    pub(crate) fn map(fields: usize) -> Self {
        Self::begin(&mut |encoder| encoder.begin(true, Some(fields)).map(drop))
    }

    /// Writes all of the body at once.
    pub(crate) fn whole<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::begin(&mut |encoder| value.serialize(encoder))
    }

    fn begin(write: &mut Write<'_>) -> Self {
        let mut writer = Self { buffer: buffer::take(), error: None };
        writer.write(MAX_DEPTH, write);
        writer
    }

    /// Writes a field of the map.
    pub(crate) fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.write_field(name, &mut |encoder| value.serialize(encoder));
    }

    fn write_field(&mut self, name: &str, write: &mut Write<'_>) {
        self.write(MAX_DEPTH - 1, &mut |encoder| {
            encoder.text(name)?;
            write(encoder)
        });
    }

    fn write(&mut self, depth: usize, write: &mut Write<'_>) {
        if self.error.is_none() {
            let written = write(&mut Encoder::new(&mut self.buffer, depth));
            self.error = written.err().map(|error| failed(error, &self.buffer));
        }
    }

    pub(crate) fn finish(self) -> Result<Payload, EncodeError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Payload { encoding: Encoding::MessagePack, bytes: buffer::finish(self.buffer) }),
        }
    }
}

impl Body {
    /// Finds where the values of the fields begin, in the order of their names. `None` stands for those that are missing.
    pub(crate) fn find(
        &self,
        names: &[&'static str],
        places: &mut [Option<usize>],
        expected: &dyn Expected,
    ) -> Result<(), DecodeError> {
        let mut at = 0;
        find(&self.msgpack, names, places, expected, &mut at).map_err(|error| self.failed(error, at))
    }

    /// Decodes the field whose value begins there. A field that is missing is `None` where an `Option` is asked for.
    pub(crate) fn field<'b, T: Deserialize<'b>>(
        &'b self,
        name: &'static str,
        place: Option<usize>,
    ) -> Result<T, DecodeError> {
        let mut decoder = match place {
            Some(at) => Decoder::new(&self.msgpack, at, MAX_DEPTH - 1),
            None => Decoder::missing(name),
        };
        T::deserialize(&mut decoder).map_err(|error| self.failed(error, decoder.at()))
    }
}

/// `at` becomes the offset of the value that an error is about.
fn find(
    body: &[u8],
    names: &[&'static str],
    places: &mut [Option<usize>],
    expected: &dyn Expected,
    at: &mut usize,
) -> Result<(), Error> {
    let mut reader = Reader::new(body, 0);
    let length = match reader.head()? {
        Head::Map(length) => length,
        head => return Err(Error::invalid_type(head.unexpected(), expected)),
    };
    for _ in 0..length {
        *at = reader.at();
        let name = match reader.head()? {
            Head::Text(name) => name,
            head => return Err(Error::invalid_type(head.unexpected(), &"a name")),
        };
        let mut fields = names.iter().zip(places.iter_mut());
        if let Some((name, place)) = fields.find(|(known, _)| known.as_bytes() == name) {
            if place.is_some() {
                return Err(serde::de::Error::duplicate_field(name));
            }
            *place = Some(reader.at());
        }
        // If the value is cut off, the error is about the end of the body.
        *at = body.len();
        reader.skip(MAX_DEPTH - 1)?;
    }
    *at = 0;
    reader.end()
}
